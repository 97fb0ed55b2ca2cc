package io.avatarl.rollout;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/** K independent actions per state, drawn from the policy; each weighs 1/K. */
record SampledExploration(int vocabulary, int samples) implements Exploration {
  @Override
  public Groups explore(int windows, int[] tokens, float[] logProbs, RandomGenerator random) {
    int groups = logProbs.length / vocabulary;
    int[] actions = new int[groups * samples];
    float[] sampledLogProbs = new float[actions.length];
    float[] weights = new float[actions.length];
    Arrays.fill(weights, 1f / samples);
    double[] cumulative = new double[vocabulary];
    for (int g = 0; g < groups; g++) {
      double total = 0;
      for (int v = 0; v < vocabulary; v++) {
        total += Math.exp(logProbs[g * vocabulary + v]);
        cumulative[v] = total;
      }
      for (int k = 0; k < samples; k++) {
        int action = firstAbove(cumulative, random.nextDouble() * total);
        actions[g * samples + k] = action;
        sampledLogProbs[g * samples + k] = logProbs[g * vocabulary + action];
      }
    }
    int context = tokens.length / windows - 1;
    return new Groups(windows, context, tokens, samples, true, actions, weights, sampledLogProbs);
  }

  /**
   * Index of the first entry of an ascending array that is greater than {@code x}, which is less
   * than the last.
   */
  private static int firstAbove(double[] ascending, double x) {
    int low = 0;
    int high = ascending.length - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ascending[middle] > x) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
}
