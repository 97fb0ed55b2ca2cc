package io.avatarl.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("numerical")
class TokenSamplerTest {
  private static final double[] PROBABILITIES = {0.1, 0.4, 0.2, 0.3};
  private static final int DRAWS = 8000;

  /** The second of two states. */
  private static float[] logProbs() {
    float[] logProbs = new float[8];
    for (int v = 0; v < 4; v++) {
      logProbs[v] = v == 0 ? 0 : -50;
      logProbs[4 + v] = (float) Math.log(PROBABILITIES[v]);
    }
    return logProbs;
  }

  private static int[] counts(double temperature, int topK, double topP) {
    int[] counts = new int[4];
    Random random = new Random(5);
    Policy.Sampling sampling = new Policy.Sampling(temperature, topK, topP);
    for (int i = 0; i < DRAWS; i++) {
      counts[TokenSampler.token(logProbs(), 4, 4, sampling, random)]++;
    }
    return counts;
  }

  @ParameterizedTest
  @CsvSource({
    "0, 1, 0 1 2 3",
    "4, 1, 0 1 2 3",
    "9, 1, 0 1 2 3",
    "3, 1, 1 2 3",
    "2, 1, 1 3",
    "1, 1, 1",
    "0, 0.95, 0 1 2 3",
    "0, 0.85, 1 2 3",
    "0, 0.6, 1 3",
    "0, 0.35, 1",
    "0, 0.0001, 1",
    "3, 0.6, 1 3",
    "2, 0.95, 1 3"
  })
  void onlyTheTopTokensAreDrawnInTheirProportions(int topK, double topP, String support) {
    int[] counts = counts(1, topK, topP);
    Set<String> drawn = new TreeSet<>();
    double mass = 0;
    for (int v = 0; v < 4; v++) {
      if (counts[v] > 0) {
        drawn.add(Integer.toString(v));
        mass += PROBABILITIES[v];
      }
    }
    assertEquals(support, String.join(" ", drawn));
    for (int v = 0; v < 4; v++) {
      double p = counts[v] == 0 ? 0 : PROBABILITIES[v] / mass;
      assertEquals(DRAWS * p, counts[v], 4.5 * Math.sqrt(DRAWS * p * (1 - p)) + 1e-9);
    }
  }

  @Test
  void theNucleusIsThatOfTheTemperedProbabilities() {
    // Squared: 0.01, 0.16, 0.04, 0.09 of 0.3.
    int[] counts = counts(0.5, 0, 0.82);
    assertEquals(0, counts[0] + counts[2]);
    double p = 0.16 / 0.25;
    assertEquals(DRAWS * p, counts[1], 4.5 * Math.sqrt(DRAWS * p * (1 - p)));
  }

  @Test
  void aTemperatureNearZeroIsGreedy() {
    assertArrayEquals(new int[] {0, DRAWS, 0, 0}, counts(1e-3, 0, 1));
    assertArrayEquals(new int[] {0, DRAWS, 0, 0}, counts(1e-300, 0, 1));
    assertArrayEquals(new int[] {0, DRAWS, 0, 0}, counts(0, 0, 1));
  }
}
