package io.avatarl.spark.rollout;

import io.avatarl.rollout.Groups;
import java.io.Serializable;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a policy's rollouts in text that training did not see are paid: sums over their groups.
 *
 * @param groups states scored
 * @param rollouts actions scored
 * @param components Σ over groups of each component's weighted mean
 */
public record HeldOutRewards(long groups, long rollouts, Map<String, Double> components)
    implements Serializable {
  /**
   * Of some groups.
   *
   * @param components unweighted values by name, [G·K] each
   */
  static HeldOutRewards of(Groups groups, Map<String, float[]> components) {
    Map<String, Double> sums = new TreeMap<>();
    long[] compared = new long[2]; // groups, entries
    groups.forEachCompared(
        (from, stride, count) -> {
          compared[0]++;
          compared[1] += count;
          components.forEach(
              (name, values) -> {
                double mean = 0;
                for (int i = from; i < from + count * stride; i += stride) {
                  mean += (double) groups.weights()[i] * values[i];
                }
                sums.merge(name, mean, Double::sum);
              });
        });
    return new HeldOutRewards(compared[0], compared[1], sums);
  }

  HeldOutRewards plus(HeldOutRewards other) {
    Map<String, Double> sums = new TreeMap<>(components);
    other.components.forEach((name, sum) -> sums.merge(name, sum, Double::sum));
    return new HeldOutRewards(groups + other.groups, rollouts + other.rollouts, sums);
  }

  /** Mean of a component over the groups. */
  public double mean(String component) {
    return components.get(component) / groups;
  }
}
