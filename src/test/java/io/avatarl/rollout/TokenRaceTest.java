package io.avatarl.rollout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class TokenRaceTest {
  /** Rates of 1,000 tokens, four blocks, of which one and many others have none. */
  private static TokenRace race(Random random) {
    TokenRace race = new TokenRace(1000);
    for (int v = 0; v < 1000; v++) {
      boolean none = v / 256 == 1 || v > 900 || random.nextInt(3) == 0;
      race.rates()[v] = none ? 0 : random.nextDouble();
    }
    race.begin();
    return race;
  }

  @Test
  void aPlaceInTheSumIsAToken() {
    Random random = new Random(1);
    TokenRace race = race(random);
    assertEquals(Arrays.stream(race.rates()).sum(), race.total(), 1e-9);
    for (int i = 0; i < 20_000; i++) {
      double x = random.nextDouble() * race.total();
      double rest = x;
      int token = 0;
      while (rest >= race.rates()[token]) {
        rest -= race.rates()[token++];
      }
      assertEquals(token, race.at(x), "at " + x);
    }
    assertTrue(race.rates()[race.at(0)] > 0);
    assertTrue(race.rates()[race.at(race.total())] > 0, "beyond the end by rounding");
  }

  @Test
  void tokensAreDrawnOnceAndRareOnesLoseNothing() {
    TokenRace race = new TokenRace(600);
    race.rates()[3] = 1;
    race.rates()[500] = 1e-30;
    race.begin();
    assertEquals(3, race.at(0.5));
    race.remove(3);
    assertEquals(1e-30, race.total(), 0);
    assertEquals(500, race.at(0.3e-30));
    race.remove(500);
    assertEquals(0, race.total(), 0);
  }
}
