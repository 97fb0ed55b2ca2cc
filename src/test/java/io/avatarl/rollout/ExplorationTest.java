package io.avatarl.rollout;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.ConfigReader;
import io.avatarl.corpus.RandomStream;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ExplorationTest {
  private static Exploration exploration(int vocabulary, String... overrides) {
    return Exploration.of(ConfigReader.read("", "", List.of(overrides)).rollout(), vocabulary);
  }

  private static float[] logs(double... probabilities) {
    float[] logs = new float[probabilities.length];
    for (int i = 0; i < logs.length; i++) {
      logs[i] = (float) Math.log(probabilities[i]);
    }
    return logs;
  }

  @Test
  void exhaustiveExplorationTriesEveryTokenWeightedByThePolicy() {
    float[] logProbs = logs(0.5, 0.25, 0.25, 0.125, 0.125, 0.75);
    int[] tokens = {2, 0, 1};
    Groups groups =
        exploration(3, "rollout.exploration=exhaustive", "rollout.weights=policy")
            .explore(1, tokens, logProbs, new RandomStream(1));
    assertEquals(3, groups.actionsPerGroup());
    assertEquals(2, groups.count());
    assertFalse(groups.sampled());
    assertEquals(0, groups.actions().length);
    assertEquals(2, groups.action(1, 2));
    assertArrayEquals(logProbs, groups.logProbs());
    assertArrayEquals(
        new float[] {0.5f, 0.25f, 0.25f, 0.125f, 0.125f, 0.75f}, groups.weights(), 1e-7f);
    assertArrayEquals(tokens, groups.tokens());
  }

  @Test
  void exhaustiveExplorationCanWeighUniformly() {
    Groups groups =
        exploration(4, "rollout.exploration=exhaustive", "rollout.weights=uniform")
            .explore(1, new int[] {0, 1}, logs(0.7, 0.1, 0.1, 0.1), new RandomStream(1));
    assertArrayEquals(new float[] {0.25f, 0.25f, 0.25f, 0.25f}, groups.weights());
    assertFalse(groups.sampled());
  }

  @Test
  void sampledActionsComeAsOftenAsTheirProbabilitySays() {
    double[][] probabilities = {
      {0.4, 0.3, 0.15, 0.1, 0.05}, {0.01, 0.01, 0.01, 0.01, 0.96}, {0.2, 0.2, 0.2, 0.2, 0.2}
    };
    float[] logProbs = new float[15];
    for (int g = 0; g < 3; g++) {
      System.arraycopy(logs(probabilities[g]), 0, logProbs, 5 * g, 5);
    }
    int k = 20_000;
    Exploration exploration = exploration(5, "rollout.exploration=sampled", "rollout.samples=" + k);
    Groups groups = exploration.explore(1, new int[4], logProbs, new RandomStream(9));
    assertTrue(groups.sampled());
    assertEquals(k, groups.actionsPerGroup());
    for (int g = 0; g < 3; g++) {
      double[] counts = new double[5];
      for (int i = 0; i < k; i++) {
        int action = groups.action(g, i);
        counts[action]++;
        assertEquals(logProbs[5 * g + action], groups.logProbs()[g * k + i]);
        assertEquals(1f / k, groups.weights()[g * k + i]);
      }
      double chiSquare = 0;
      for (int v = 0; v < 5; v++) {
        double expected = k * probabilities[g][v];
        chiSquare += (counts[v] - expected) * (counts[v] - expected) / expected;
      }
      // One in a thousand with four degrees of freedom.
      assertTrue(chiSquare < 18.47, "group " + g + ": " + Arrays.toString(counts));
    }
    assertArrayEquals(
        groups.actions(),
        exploration.explore(1, new int[4], logProbs, new RandomStream(9)).actions());
    assertFalse(
        Arrays.equals(
            groups.actions(),
            exploration.explore(1, new int[4], logProbs, new RandomStream(10)).actions()));
  }

  @Test
  void whatHasNoProbabilityIsNeverDrawn() {
    float none = Float.NEGATIVE_INFINITY;
    float[] logProbs = {none, 0, none};
    Groups groups =
        exploration(3, "rollout.exploration=sampled", "rollout.samples=5000")
            .explore(1, new int[2], logProbs, new RandomStream(1));
    assertTrue(Arrays.stream(groups.actions()).allMatch(action -> action == 1));
    // The ends of what a generator can give.
    for (double x : new double[] {0, Math.nextDown(1.0)}) {
      java.util.random.RandomGenerator fixed =
          new java.util.random.RandomGenerator() {
            @Override
            public long nextLong() {
              return x == 0 ? 0 : -1L;
            }
          };
      assertEquals(
          1, new SampledExploration(3, 1).explore(1, new int[2], logProbs, fixed).action(0, 0));
    }
  }
}
