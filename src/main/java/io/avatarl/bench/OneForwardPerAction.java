package io.avatarl.bench;

import io.avatarl.model.Policy;
import java.util.Arrays;

/**
 * How avatarl scored a state, by its description: each token of the vocabulary is appended to the
 * context, and each such sequence passes through the model separately. A yardstick for this
 * project's single forward pass per window; it gives the same numbers.
 */
final class OneForwardPerAction {
  /** Sequences in one batch. */
  private static final int BATCH = 64;

  private OneForwardPerAction() {}

  /**
   * Log-probabilities of all actions in one state.
   *
   * @param state at least one token, fewer than the model's context
   * @return [V]
   */
  static float[] logProbs(Policy policy, int[] state) {
    int vocabulary = policy.vocabulary();
    int length = state.length + 1;
    float[] scores = new float[vocabulary];
    for (int from = 0; from < vocabulary; from += BATCH) {
      int rows = Math.min(BATCH, vocabulary - from);
      long[] inputs = new long[rows * length];
      for (int row = 0; row < rows; row++) {
        for (int i = 0; i < state.length; i++) {
          inputs[row * length + i] = state[i];
        }
        inputs[row * length + state.length] = from + row;
      }
      float[] all = policy.logProbs(rows, inputs); // [rows, length, V]
      for (int row = 0; row < rows; row++) {
        int action = from + row;
        // The position before the action predicts it.
        scores[action] = all[(row * length + state.length - 1) * vocabulary + action];
      }
    }
    return scores;
  }

  /**
   * The most favourable reading of the scheme: a whole window passes through the model once per
   * token of the vocabulary, and each pass scores that token in all states of the window.
   *
   * @param window of T tokens
   * @return [T·V]
   */
  static float[] windowLogProbs(Policy policy, int[] window) {
    int vocabulary = policy.vocabulary();
    float[] scores = new float[window.length * vocabulary];
    for (int from = 0; from < vocabulary; from += BATCH) {
      int rows = Math.min(BATCH, vocabulary - from);
      long[] inputs = new long[rows * window.length];
      Arrays.setAll(inputs, i -> window[i % window.length]);
      float[] all = policy.logProbs(rows, inputs); // [rows, T, V]
      for (int row = 0; row < rows; row++) {
        for (int t = 0; t < window.length; t++) {
          scores[t * vocabulary + from + row] =
              all[(row * window.length + t) * vocabulary + from + row];
        }
      }
    }
    return scores;
  }
}
