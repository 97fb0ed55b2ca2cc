package io.avatarl.rollout;

import io.avatarl.model.Distributions;
import io.avatarl.model.Policy;
import java.util.random.RandomGenerator;

/**
 * The input of an exploration.
 *
 * @param distributions of the policy in every state of the rows
 */
public record ExplorationInput(
    WindowBatch rows, Distributions distributions, Policy policy, RandomGenerator random) {
  /**
   * @param logProbs log-probabilities of every token in every state under the policy, [B·T·V]
   */
  public ExplorationInput(
      WindowBatch rows, float[] logProbs, Policy policy, RandomGenerator random) {
    this(rows, Distributions.of(logProbs, rows.inputs().length), policy, random);
  }

  /** Log-probabilities of every token in every state under the policy, [B·T·V]. */
  float[] logProbs() {
    return distributions.logProbs();
  }
}
