package io.avatarl.advantage;

import io.avatarl.rollout.Groups;
import java.util.Arrays;

/**
 * (r − baseline) / divisor. The estimators differ in the divisor. The baseline depends on how the
 * group was drawn, so that Σ w (r − b) ∇log π is, in expectation over the draws, the gradient of
 * the policy's mean reward:
 *
 * <ul>
 *   <li>{@link Groups.Draw#ENUMERATED}: b = Σ w·r. Nothing is random, so b is a constant of the
 *       state.
 *   <li>{@link Groups.Draw#INDEPENDENT}: the mean of the others, b_i = Σ_{j≠i} w_j r_j / Σ_{j≠i}
 *       w_j. It does not depend on draw i, and a constant added to all rewards shifts it by that
 *       constant, whatever the weights sum to. With w = 1/K it is RLOO (Kool et al. 2019, "Buy 4
 *       REINFORCE Samples"; Ahmadian et al. 2024, arXiv 2402.14740): K/(K − 1) times r − mean.
 *   <li>{@link Groups.Draw#WITHOUT_REPLACEMENT}: b_i = c + π_i (r_i − c) + Σ_{j≠i} w_j (r_j − c).
 *       The others are drawn from the tokens that i leaves, so their mean alone would depend on i
 *       and bias the gradient. With π_i r_i, which is known before the draw, in place of the own
 *       weighted reward, the expectation is the policy's mean reward for every i (Kool et al. 2020,
 *       arXiv 2002.06043, section 3.3). The centre c is the weighted mean of the shard's other
 *       groups: it is independent of these draws, and a constant added to all rewards shifts b by
 *       that constant.
 * </ul>
 *
 * Enumerated or independent groups with equal rewards have advantage exactly 0.
 */
sealed interface BaselineEstimator extends AdvantageEstimator permits Grpo, DrGrpo, MaxRl {
  /** The divisor of differences to the baseline; 0: the group's advantages are 0. */
  double divisor(GroupStatistics group);

  @Override
  default float[] advantages(Groups groups, float[] rewards) {
    float[] advantages = new float[rewards.length];
    float[] weights = groups.weights();
    boolean distinct = groups.draw() == Groups.Draw.WITHOUT_REPLACEMENT;
    double[] all = distinct ? sums(weights, rewards) : new double[2];
    double[] baselines = new double[groups.sampled() ? comparedEntries(groups) : 0];
    groups.forEachCompared(
        (from, stride, count) -> {
          GroupStatistics group =
              GroupStatistics.of(weights, rewards, from, stride, count, groups.draw());
          double divisor = group.degenerate() && !distinct ? 0 : divisor(group);
          if (divisor == 0) {
            return;
          }
          switch (groups.draw()) {
            case ENUMERATED -> {
              for (int i = from; i < from + count * stride; i += stride) {
                advantages[i] = AdvantageEstimator.finite((rewards[i] - group.mean()) / divisor);
              }
              return;
            }
            case INDEPENDENT -> meansOfTheOthers(weights, rewards, from, stride, count, baselines);
            case WITHOUT_REPLACEMENT ->
                expectedMeans(groups, rewards, from, count, group, all, baselines);
          }
          for (int k = 0; k < count; k++) {
            int i = from + k * stride;
            advantages[i] = AdvantageEstimator.finite((rewards[i] - baselines[k]) / divisor);
          }
        });
    return advantages;
  }

  private static int comparedEntries(Groups groups) {
    return groups.rowsPerContext() == 1 ? groups.actionsPerGroup() : groups.rowsPerContext();
  }

  /** Σ w and Σ w·r. */
  private static double[] sums(float[] weights, float[] rewards) {
    double[] sums = new double[2];
    for (int i = 0; i < weights.length; i++) {
      sums[0] += weights[i];
      sums[1] += (double) weights[i] * rewards[i];
    }
    return sums;
  }

  /** Uses sums before and after an entry; subtracting it from the total would lose digits. */
  private static void meansOfTheOthers(
      float[] weights, float[] rewards, int from, int stride, int count, double[] out) {
    double[] weightBefore = new double[count];
    double[] rewardBefore = new double[count];
    double weight = 0;
    double reward = 0;
    for (int k = 0; k < count; k++) {
      int i = from + k * stride;
      weightBefore[k] = weight;
      rewardBefore[k] = reward;
      weight += weights[i];
      reward += (double) weights[i] * rewards[i];
    }
    weight = 0;
    reward = 0;
    for (int k = count - 1; k >= 0; k--) {
      int i = from + k * stride;
      double others = weightBefore[k] + weight;
      // Without weight the others give no baseline; the advantage is 0.
      out[k] = others > 0 ? (rewardBefore[k] + reward) / others : rewards[i];
      weight += weights[i];
      reward += (double) weights[i] * rewards[i];
    }
  }

  private static void expectedMeans(
      Groups groups,
      float[] rewards,
      int from,
      int count,
      GroupStatistics group,
      double[] all,
      double[] out) {
    double weight = all[0] - group.weight();
    // A group that is alone in its shard uses its own mean, an approximation.
    double centre =
        rewards.length > count && weight > 0
            ? (all[1] - group.weight() * group.mean()) / weight
            : group.mean();
    Arrays.fill(out, centre);
    double sum = 0;
    for (int i = from; i < from + count; i++) {
      sum += groups.weights()[i] * (rewards[i] - centre);
    }
    for (int k = 0; k < count; k++) {
      int i = from + k;
      double own = Math.exp(groups.logProbs()[i]) - groups.weights()[i];
      out[k] += sum + own * (rewards[i] - centre);
    }
  }
}
