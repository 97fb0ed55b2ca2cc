package io.avatarl.rollout;

import io.avatarl.config.RolloutConfig;
import java.util.random.RandomGenerator;

/** Which actions each group tries. A new exploration is one class and one line in {@link #of}. */
public sealed interface Exploration permits ExhaustiveExploration, SampledExploration {
  /**
   * Tries actions in every group of the windows.
   *
   * @param windows B
   * @param tokens [B·(T+1)]
   * @param logProbs log-probabilities of every token in every state under the current policy,
   *     [B·T·V]
   */
  Groups explore(int windows, int[] tokens, float[] logProbs, RandomGenerator random);

  /** The exploration the configuration names. */
  static Exploration of(RolloutConfig config, int vocabulary) {
    return switch (config.exploration()) {
      case EXHAUSTIVE -> new ExhaustiveExploration(vocabulary, config.weights());
      case SAMPLED -> new SampledExploration(vocabulary, config.samples());
    };
  }
}
