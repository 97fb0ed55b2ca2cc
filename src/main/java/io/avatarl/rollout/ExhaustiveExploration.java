package io.avatarl.rollout;

import io.avatarl.config.RolloutConfig;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Every token of the vocabulary is an action in every state. Weighted by the policy the group is
 * the exact expectation over the policy's actions; weighted uniformly it is avatarl's exhaustive
 * exploration.
 */
record ExhaustiveExploration(int vocabulary, RolloutConfig.Weights weighting)
    implements Exploration {
  @Override
  public Groups explore(int windows, int[] tokens, float[] logProbs, RandomGenerator random) {
    float[] weights = new float[logProbs.length];
    switch (weighting) {
      case POLICY -> {
        for (int i = 0; i < weights.length; i++) {
          weights[i] = (float) Math.exp(logProbs[i]);
        }
      }
      case UNIFORM -> Arrays.fill(weights, 1f / vocabulary);
    }
    int context = tokens.length / windows - 1;
    return new Groups(windows, context, tokens, vocabulary, false, new int[0], weights, logProbs);
  }
}
