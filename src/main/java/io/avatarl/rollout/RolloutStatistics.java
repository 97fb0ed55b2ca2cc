package io.avatarl.rollout;

import io.avatarl.model.Distributions;
import java.io.Serializable;
import java.util.OptionalDouble;

/**
 * Sums over the groups of a shard, which can be added.
 *
 * @param groups states scored
 * @param rollouts actions scored
 * @param reward Σ over groups of the weighted mean reward
 * @param entropy Σ over states of the policy's entropy, in nats
 * @param states positions of the windows at which the policy is scored
 * @param goldLogProb Σ over states of the gold token's log-probability
 * @param confidence Σ over states of the most probable token's probability
 * @param accuracy states whose most probable token is the gold one
 * @param degenerate groups without a learning signal (all advantages 0, whatever the reason)
 * @param referenceKl Σ over states of KL(policy ‖ reference of the KL term), in nats
 * @param referenceStates number of states in that sum; 0: not computed, because the learner
 *     computes it or nobody can
 * @param rolloutSeconds time in the forward pass and the exploration
 * @param rewardSeconds time in rewards and advantages
 * @param tableSeconds time in writing the rollout table
 */
public record RolloutStatistics(
    long groups,
    long rollouts,
    double reward,
    long states,
    double entropy,
    double goldLogProb,
    double confidence,
    long accuracy,
    long degenerate,
    double referenceKl,
    long referenceStates,
    double rolloutSeconds,
    double rewardSeconds,
    double tableSeconds)
    implements Serializable {
  public static final RolloutStatistics NONE = counts(0, 0);

  /** Counts alone, as a checkpoint keeps them. */
  public static RolloutStatistics counts(long groups, long rollouts) {
    return new RolloutStatistics(groups, rollouts, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  }

  /**
   * The sums of a shard, without the times.
   *
   * @param policy what is known of its distribution in every state of the rows
   * @param rewards [G·K]
   * @param advantages [G·K]
   */
  public static RolloutStatistics of(
      WindowBatch rows,
      Distributions.Summary policy,
      Groups groups,
      float[] rewards,
      float[] advantages) {
    double entropy = 0;
    double goldLogProb = 0;
    double confidence = 0;
    long accuracy = 0;
    int states = rows.golds().length;
    for (int s = 0; s < states; s++) {
      entropy += policy.entropies()[s];
      goldLogProb += policy.goldLogProbs()[s];
      confidence += policy.confidences()[s];
      accuracy += policy.best()[s] == rows.golds()[s] ? 1 : 0;
    }
    RolloutStatistics compared = compared(groups, rewards, advantages);
    return new RolloutStatistics(
        compared.groups,
        compared.rollouts,
        compared.reward,
        states,
        entropy,
        goldLogProb,
        confidence,
        accuracy,
        compared.degenerate,
        0,
        0,
        0,
        0,
        0);
  }

  /**
   * The sums for continuations without the policy's distributions: the entropy is estimated from
   * the tokens' log-probabilities, and nothing is known of gold or most probable tokens.
   *
   * @param rewards [G·K]
   * @param advantages [G·K]
   */
  public static RolloutStatistics ofContinuations(
      Groups groups, float[] rewards, float[] advantages) {
    double entropy = 0;
    for (float logProb : groups.logProbs()) {
      entropy -= logProb;
    }
    RolloutStatistics compared = compared(groups, rewards, advantages);
    return new RolloutStatistics(
        compared.groups,
        compared.rollouts,
        compared.reward,
        groups.logProbs().length,
        entropy,
        0,
        0,
        0,
        compared.degenerate,
        0,
        0,
        0,
        0,
        0);
  }

  private static RolloutStatistics compared(Groups groups, float[] rewards, float[] advantages) {
    double[] reward = new double[1];
    long[] compared = new long[2]; // all, degenerate
    groups.forEachCompared(
        (from, stride, count) -> {
          boolean silent = true;
          for (int i = from; i < from + count * stride; i += stride) {
            reward[0] += (double) groups.weights()[i] * rewards[i];
            silent &= advantages[i] == 0;
          }
          compared[0]++;
          compared[1] += silent ? 1 : 0;
        });
    return new RolloutStatistics(
        compared[0], rewards.length, reward[0], 0, 0, 0, 0, 0, compared[1], 0, 0, 0, 0, 0);
  }

  /** These sums with the task's times, in seconds. */
  public RolloutStatistics timed(double rollout, double rewardTime, double table) {
    return new RolloutStatistics(
        groups,
        rollouts,
        reward,
        states,
        entropy,
        goldLogProb,
        confidence,
        accuracy,
        degenerate,
        referenceKl,
        referenceStates,
        rollout,
        rewardTime,
        table);
  }

  /** A copy with the exact KL to the reference, summed over all states. */
  public RolloutStatistics withReferenceKl(double sum) {
    return new RolloutStatistics(
        groups,
        rollouts,
        reward,
        states,
        entropy,
        goldLogProb,
        confidence,
        accuracy,
        degenerate,
        sum,
        states,
        rolloutSeconds,
        rewardSeconds,
        tableSeconds);
  }

  public RolloutStatistics plus(RolloutStatistics o) {
    return new RolloutStatistics(
        groups + o.groups,
        rollouts + o.rollouts,
        reward + o.reward,
        states + o.states,
        entropy + o.entropy,
        goldLogProb + o.goldLogProb,
        confidence + o.confidence,
        accuracy + o.accuracy,
        degenerate + o.degenerate,
        referenceKl + o.referenceKl,
        referenceStates + o.referenceStates,
        rolloutSeconds + o.rolloutSeconds,
        rewardSeconds + o.rewardSeconds,
        tableSeconds + o.tableSeconds);
  }

  public double meanReward() {
    return reward / groups;
  }

  public double meanEntropy() {
    return entropy / states;
  }

  /** Share of the groups without a learning signal. */
  public double degenerateShare() {
    return (double) degenerate / groups;
  }

  /** The exact KL(policy ‖ reference) in nats per state, if it was computed. */
  public OptionalDouble meanReferenceKl() {
    return referenceStates == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(referenceKl / referenceStates);
  }

  /** Mean probability of the most probable token. */
  public double meanConfidence() {
    return confidence / states;
  }

  /**
   * e to the mean negative log-probability of the gold tokens: the exploring policy's perplexity.
   */
  public double perplexity() {
    return Math.exp(-goldLogProb / states);
  }

  public double meanAccuracy() {
    return (double) accuracy / states;
  }
}
