package io.avatarl.rollout;

import java.io.Serializable;

/**
 * Sums over the groups of a shard; adding shards adds them.
 *
 * @param groups states scored
 * @param rollouts actions scored
 * @param reward Σ over groups of the weighted mean reward
 * @param entropy Σ over groups of the policy's entropy, in nats
 * @param accuracy groups whose most probable token is the gold one
 * @param degenerate groups without a learning signal (all rewards equal)
 * @param rolloutSeconds time in the forward pass and the exploration
 * @param rewardSeconds time in rewards and advantages
 */
public record RolloutStatistics(
    long groups,
    long rollouts,
    double reward,
    double entropy,
    long accuracy,
    long degenerate,
    double rolloutSeconds,
    double rewardSeconds)
    implements Serializable {
  public static final RolloutStatistics NONE = new RolloutStatistics(0, 0, 0, 0, 0, 0, 0, 0);

  public RolloutStatistics plus(RolloutStatistics o) {
    return new RolloutStatistics(
        groups + o.groups,
        rollouts + o.rollouts,
        reward + o.reward,
        entropy + o.entropy,
        accuracy + o.accuracy,
        degenerate + o.degenerate,
        rolloutSeconds + o.rolloutSeconds,
        rewardSeconds + o.rewardSeconds);
  }

  public double meanReward() {
    return reward / groups;
  }

  public double meanEntropy() {
    return entropy / groups;
  }

  public double meanAccuracy() {
    return (double) accuracy / groups;
  }
}
