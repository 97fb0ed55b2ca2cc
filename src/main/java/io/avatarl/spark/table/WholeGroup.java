package io.avatarl.spark.table;

import io.avatarl.rollout.Groups;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Statistics of a whole group. The table keeps only some of its actions, so they are computed
 * before the selection and written with each row.
 *
 * @param entropy of the policy in the group's state, in nats
 * @param meanReward Σ w·r
 * @param rewardStd √(Σ w·(r − mean)² / Σ w)
 * @param meanAdvantage Σ w·A
 * @param meanComponents Σ w·c for each reward component
 */
record WholeGroup(
    double entropy,
    double meanReward,
    double rewardStd,
    double meanAdvantage,
    Map<String, Double> meanComponents) {

  /**
   * @param entries of the group, all of them
   */
  static WholeGroup of(ScoredGroups paid, int[] entries) {
    Groups groups = paid.groups();
    float[] weights = groups.weights();
    double mean = mean(weights, paid.rewards(), entries);
    double total = 0;
    double squares = 0;
    for (int entry : entries) {
      double distance = paid.rewards()[entry] - mean;
      total += weights[entry];
      squares += weights[entry] * distance * distance;
    }
    Map<String, Double> components = new LinkedHashMap<>();
    paid.components()
        .forEach((name, values) -> components.put(name, mean(weights, values, entries)));
    return new WholeGroup(
        entropy(paid, entries),
        mean,
        total > 0 ? Math.sqrt(squares / total) : 0,
        mean(weights, paid.advantages(), entries),
        components);
  }

  private static double mean(float[] weights, float[] values, int[] entries) {
    double sum = 0;
    for (int entry : entries) {
      sum += (double) weights[entry] * values[entry];
    }
    return sum;
  }

  private static double entropy(ScoredGroups paid, int[] entries) {
    Groups groups = paid.groups();
    if (paid.entropies().length > 0) {
      return paid.entropies()[entries[0] / groups.actionsPerGroup()];
    }
    double entropy = 0;
    for (int entry : entries) {
      double logProb = groups.logProbs()[entry];
      double probability = groups.sampled() ? groups.weights()[entry] : Math.exp(logProb);
      entropy -= probability == 0 ? 0 : probability * logProb;
    }
    return entropy;
  }
}
