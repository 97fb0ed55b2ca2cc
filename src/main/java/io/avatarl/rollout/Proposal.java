package io.avatarl.rollout;

import io.avatarl.corpus.NgramModel;
import java.util.Arrays;
import java.util.Optional;

/**
 * The distribution that actions are drawn from: q = (1 − ε)·π_T + ε·u. Here π_T ∝ π^(1/T) is the
 * policy at a temperature, and u is uniform or an n-gram table's distribution.
 *
 * @param temperature T
 * @param mixture ε
 * @param ngrams u; absent: uniform
 */
record Proposal(int vocabulary, double temperature, double mixture, Optional<NgramModel> ngrams) {
  /** Whether it is the policy itself. */
  boolean isPolicy() {
    return mixture == 0 && temperature == 1;
  }

  /**
   * Computes q for group {@code g}.
   *
   * @param tempered π_T of the group begins at {@code from}
   * @param other room for u, [V]
   */
  void fill(WindowBatch rows, int g, float[] tempered, int from, double[] other, double[] q) {
    for (int v = 0; v < vocabulary; v++) {
      q[v] = tempered[from + v];
    }
    if (mixture == 0) {
      return;
    }
    if (ngrams.isEmpty()) {
      Arrays.fill(other, 1.0 / vocabulary);
    } else {
      int start = g / rows.context() * rows.context();
      ngrams.get().distribution(rows.inputs(), start, g + 1, other, 0);
    }
    for (int v = 0; v < vocabulary; v++) {
      q[v] = (1 - mixture) * q[v] + mixture * other[v];
    }
  }
}
