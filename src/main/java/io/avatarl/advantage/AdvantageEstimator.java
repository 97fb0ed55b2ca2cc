package io.avatarl.advantage;

import io.avatarl.config.AdvantageConfig;
import io.avatarl.rollout.Groups;

/**
 * Turns the rewards of a group into advantages relative to the group. Written once over (weights,
 * rewards): no estimator asks which exploration the group came from. A group whose rewards are all
 * equal has advantage exactly 0.
 *
 * <p>A new estimator is one class and one line in {@link #of}.
 */
public sealed interface AdvantageEstimator permits Grpo, DrGrpo, MaxRl {
  /** Advantage of a reward in a group with these statistics, which are not degenerate. */
  double advantage(double reward, GroupStatistics group);

  /**
   * Advantages of all groups.
   *
   * @param rewards [G·K]
   * @return [G·K]
   */
  default float[] advantages(Groups groups, float[] rewards) {
    float[] advantages = new float[rewards.length];
    groups.forEachCompared(
        (from, stride, count) -> {
          GroupStatistics group =
              GroupStatistics.of(groups.weights(), rewards, from, stride, count, groups.sampled());
          if (!group.degenerate()) {
            for (int i = from; i < from + count * stride; i += stride) {
              advantages[i] = finite(advantage(rewards[i], group));
            }
          }
        });
    return advantages;
  }

  /** The nearest finite float: an advantage beyond float32 keeps its sign and stays a number. */
  private static float finite(double advantage) {
    return (float) Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, advantage));
  }

  /** The estimator the configuration names. */
  static AdvantageEstimator of(AdvantageConfig config) {
    return switch (config.estimator()) {
      case GRPO -> new Grpo(config.minStd());
      case DR_GRPO -> new DrGrpo();
      case MAXRL -> new MaxRl();
    };
  }
}
