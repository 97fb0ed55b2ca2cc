package io.avatarl.advantage;

import io.avatarl.config.AdvantageConfig;
import io.avatarl.rollout.Groups;

/**
 * Turns the rewards of a group into advantages relative to the group.
 *
 * <p>A new estimator is one class and one line in {@link #of}.
 */
public sealed interface AdvantageEstimator permits BaselineEstimator, FoundMaxRl, Reinforce {
  /**
   * Advantages of all groups.
   *
   * @param rewards [G·K]
   * @return [G·K]
   */
  float[] advantages(Groups groups, float[] rewards);

  /** The nearest finite float: an advantage beyond float32's range is clamped. */
  static float finite(double advantage) {
    return (float) Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, advantage));
  }

  /** The estimator the configuration names. */
  static AdvantageEstimator of(AdvantageConfig config) {
    return switch (config.estimator()) {
      case GRPO -> new Grpo(config.minStd());
      case DR_GRPO -> new DrGrpo();
      case REINFORCE -> new Reinforce();
      case MAXRL ->
          switch (config.mean()) {
            case WEIGHTED -> new MaxRl(config.minMean());
            case FOUND -> new FoundMaxRl(false, config.minMean());
            case CENSORED -> new FoundMaxRl(true, config.minMean());
          };
    };
  }
}
