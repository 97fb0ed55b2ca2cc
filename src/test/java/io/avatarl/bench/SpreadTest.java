package io.avatarl.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SpreadTest {
  @Test
  void medianOfAnOddAndOfAnEvenNumber() {
    Spread odd = Spread.of(List.of(5.0, 1.0, 3.0));
    assertEquals(3, odd.median());
    assertEquals(1, odd.min());
    assertEquals(5, odd.max());
    assertEquals(List.of(5.0, 1.0, 3.0), odd.values());
    assertEquals(2.5, Spread.of(List.of(4.0, 1.0, 3.0, 2.0)).median());
    assertEquals(7, Spread.of(List.of(7.0)).median());
  }

  @Test
  void ratiosAreTakenWithinARound() {
    // The third round ran at half speed: both fell, their ratio did not.
    Spread ours = Spread.of(List.of(20.0, 22.0, 10.0));
    Spread theirs = Spread.of(List.of(10.0, 10.0, 5.0));
    Spread ratio = ours.over(theirs);
    assertEquals(List.of(2.0, 2.2, 2.0), ratio.values());
    assertEquals(2, ratio.median());
    assertEquals(2.2, ratio.max());
  }

  @Test
  void scoringAndLearningAddTheirTimes() {
    // 1/10 s and 1/40 s for a group: 8 groups a second.
    assertEquals(8, StepSection.withUpdate(List.of(lap(10)), List.of(lap(40))).median(), 1e-12);
  }

  private static Measurement lap(long units) {
    return new Measurement(units, 1, 1, 0, 0, 0, Map.of());
  }
}
