package io.avatarl.model;

/**
 * A policy's distributions over the vocabulary in the states of some windows, S = B·T of them. What
 * is asked for is made of the logits where those are, so that nothing else need grow with the
 * vocabulary.
 */
public interface Distributions extends AutoCloseable {
  /** S. */
  int states();

  /** Log-probabilities of every token in every state: [S·V]. */
  float[] logProbs();

  /**
   * Log-probabilities of as many tokens in every state.
   *
   * @param tokens [S·K]
   * @return [S·K]
   */
  float[] logProbs(int[] tokens);

  /** Sees the probabilities of every token in some states. */
  interface Visitor {
    /**
     * @param first of the states
     * @param probabilities [count·V], valid until the next call
     */
    void visit(int first, int count, float[] probabilities);
  }

  /**
   * Visits all states in order, some at a time.
   *
   * @param temperature T of the probabilities, ∝ π^(1/T)
   */
  void forEach(double temperature, Visitor visitor);

  /**
   * What metrics and tables know of each state, [S] each.
   *
   * @param entropies in nats
   * @param goldLogProbs log-probability of the gold token
   * @param confidences probability of the most probable token
   * @param best the most probable token
   */
  record Summary(float[] entropies, double[] goldLogProbs, double[] confidences, int[] best) {}

  /**
   * @param golds the gold token of each state, [S]
   */
  Summary summary(int[] golds);

  /** Frees logits that are its own. */
  @Override
  void close();

  /**
   * Of log-probabilities that are at hand.
   *
   * @param logProbs [S·V]
   * @param states S
   */
  static Distributions of(float[] logProbs, int states) {
    return new ArrayDistributions(logProbs, states);
  }
}
