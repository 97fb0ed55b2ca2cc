package io.avatarl.rollout;

import io.avatarl.corpus.NgramModel;
import java.util.Optional;

/**
 * K independent actions per state, drawn from q = (1 − ε)·π + ε·u, where u is uniform or an n-gram
 * table's distribution; each weighs π(a) / (K·q(a)), so that weighted sums estimate expectations
 * under the policy without bias. With ε = 0 the weights are 1/K.
 *
 * @param mixture ε
 * @param ngrams u; absent: uniform
 */
record SampledExploration(int vocabulary, int samples, double mixture, Optional<NgramModel> ngrams)
    implements Exploration {
  @Override
  public Groups explore(ExplorationInput input) {
    WindowBatch rows = input.rows();
    float[] logProbs = input.logProbs();
    int groups = logProbs.length / vocabulary;
    int[] actions = new int[groups * samples];
    float[] sampledLogProbs = new float[actions.length];
    float[] weights = new float[actions.length];
    double[] policy = new double[vocabulary];
    double[] other = new double[vocabulary];
    double[] cumulative = new double[vocabulary];
    for (int g = 0; g < groups; g++) {
      double total = 0;
      for (int v = 0; v < vocabulary; v++) {
        policy[v] = Math.exp(logProbs[g * vocabulary + v]);
        total += policy[v];
      }
      if (mixture > 0) {
        proposal(rows, g, other);
      }
      double sum = 0;
      for (int v = 0; v < vocabulary; v++) {
        policy[v] /= total;
        sum += (1 - mixture) * policy[v] + mixture * other[v];
        cumulative[v] = sum;
      }
      for (int k = g * samples; k < (g + 1) * samples; k++) {
        int action = firstAbove(cumulative, input.random().nextDouble() * sum);
        double q = (1 - mixture) * policy[action] + mixture * other[action];
        actions[k] = action;
        sampledLogProbs[k] = logProbs[g * vocabulary + action];
        weights[k] = (float) (mixture == 0 ? 1.0 / samples : policy[action] / (samples * q));
      }
    }
    return Groups.ofWindows(rows, samples, true, actions, weights, sampledLogProbs);
  }

  private void proposal(WindowBatch rows, int g, double[] out) {
    if (ngrams.isEmpty()) {
      java.util.Arrays.fill(out, 1.0 / vocabulary);
    } else {
      int start = g / rows.context() * rows.context();
      ngrams.get().distribution(rows.inputs(), start, g + 1, out, 0);
    }
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
