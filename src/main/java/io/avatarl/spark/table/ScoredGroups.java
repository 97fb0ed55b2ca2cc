package io.avatarl.spark.table;

import io.avatarl.rollout.Groups;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Groups with their rewards and advantages.
 *
 * @param components unweighted values of each reward component, [G·K]
 * @param rewards [G·K]
 * @param advantages [G·K]
 * @param entropies of the policy in each group's state, in nats, [G]; empty if only the entries'
 *     log-probabilities are known
 */
public record ScoredGroups(
    Groups groups,
    Map<String, float[]> components,
    float[] rewards,
    float[] advantages,
    float[] entropies) {
  /** Groups without entropies. */
  public ScoredGroups(
      Groups groups, Map<String, float[]> components, float[] rewards, float[] advantages) {
    this(groups, components, rewards, advantages, new float[0]);
  }

  /**
   * Adds the policy's entropies; each position of the rows must be one group.
   *
   * @param entropies at every position of the rows, in nats, [B·T]
   */
  public ScoredGroups withEntropies(float[] entropies) {
    return groups.rowsPerContext() == 1 && groups.golds().length == entropies.length
        ? new ScoredGroups(groups, components, rewards, advantages, entropies)
        : this;
  }

  /** Compared entries, most probable first, without the weight-0 padding that repeats an action. */
  public int[] ranked(int from, int stride, int count) {
    return ranked(groups, from, stride, count);
  }

  static int[] ranked(Groups groups, int from, int stride, int count) {
    int[] entries = byProbability(groups.logProbs(), from, stride, count);
    if (groups.sampled() || groups.actions().length == 0) {
      return entries;
    }
    int k = groups.actionsPerGroup();
    Set<Integer> seen = new HashSet<>();
    return Arrays.stream(entries)
        .filter(entry -> seen.add(groups.action(entry / k, entry % k)))
        .toArray();
  }

  /** Entries from, from + stride, … ({@code count} of them), most probable first; ties in order. */
  static int[] byProbability(float[] logProbs, int from, int stride, int count) {
    long[] keys = new long[count];
    for (int k = 0; k < count; k++) {
      int entry = from + k * stride;
      // The bits of positive floats sort like the floats; + 0 turns −0 into 0.
      keys[k] = (long) Float.floatToIntBits(-logProbs[entry] + 0f) << 32 | entry;
    }
    Arrays.sort(keys);
    return Arrays.stream(keys).mapToInt(key -> (int) key).toArray();
  }
}
