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
 * @param tableSeconds time in writing the rollout table
 */
public record RolloutStatistics(
    long groups,
    long rollouts,
    double reward,
    double entropy,
    long accuracy,
    long degenerate,
    double rolloutSeconds,
    double rewardSeconds,
    double tableSeconds)
    implements Serializable {
  public static final RolloutStatistics NONE = new RolloutStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0);

  /**
   * The sums of a shard, but for the times.
   *
   * @param logProbs the policy's log-probabilities of every token, [G·V]
   * @param rewards [G·K]
   */
  public static RolloutStatistics of(
      Groups groups, float[] logProbs, int vocabulary, float[] rewards) {
    double reward = 0;
    double entropy = 0;
    long accuracy = 0;
    long degenerate = 0;
    int k = groups.actionsPerGroup();
    for (int g = 0; g < groups.count(); g++) {
      int best = 0;
      for (int v = 0; v < vocabulary; v++) {
        float logProb = logProbs[g * vocabulary + v];
        entropy -= Math.exp(logProb) * logProb;
        if (logProb > logProbs[g * vocabulary + best]) {
          best = v;
        }
      }
      accuracy += best == groups.gold(g) ? 1 : 0;
      boolean equal = true;
      for (int i = g * k; i < (g + 1) * k; i++) {
        reward += (double) groups.weights()[i] * rewards[i];
        equal &= rewards[i] == rewards[g * k];
      }
      degenerate += equal ? 1 : 0;
    }
    return new RolloutStatistics(
        groups.count(), rewards.length, reward, entropy, accuracy, degenerate, 0, 0, 0);
  }

  /** These sums with the task's times, in seconds. */
  public RolloutStatistics timed(double rollout, double rewardTime, double table) {
    return new RolloutStatistics(
        groups, rollouts, reward, entropy, accuracy, degenerate, rollout, rewardTime, table);
  }

  public RolloutStatistics plus(RolloutStatistics o) {
    return new RolloutStatistics(
        groups + o.groups,
        rollouts + o.rollouts,
        reward + o.reward,
        entropy + o.entropy,
        accuracy + o.accuracy,
        degenerate + o.degenerate,
        rolloutSeconds + o.rolloutSeconds,
        rewardSeconds + o.rewardSeconds,
        tableSeconds + o.tableSeconds);
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
