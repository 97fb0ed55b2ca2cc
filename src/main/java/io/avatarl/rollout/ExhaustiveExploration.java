package io.avatarl.rollout;

import io.avatarl.config.RolloutConfig;
import java.util.Arrays;

/**
 * Tries every token of the vocabulary in every state. Weighted by the policy, the group gives the
 * exact expectation over the policy's actions; weighted uniformly, it is avatarl's exhaustive
 * exploration.
 */
record ExhaustiveExploration(int vocabulary, RolloutConfig.Weights weighting)
    implements Exploration {
  @Override
  public Groups explore(ExplorationInput input) {
    float[] logProbs = input.logProbs();
    float[] weights = new float[logProbs.length];
    switch (weighting) {
      case POLICY -> {
        for (int i = 0; i < weights.length; i++) {
          weights[i] = (float) Math.exp(logProbs[i]);
        }
      }
      case UNIFORM -> Arrays.fill(weights, 1f / vocabulary);
    }
    return Groups.ofWindows(
        input.rows(), vocabulary, Groups.Draw.ENUMERATED, new int[0], weights, logProbs);
  }
}
