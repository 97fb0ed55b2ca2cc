package io.avatarl.reward;

import io.avatarl.config.RefereeConfig;
import io.avatarl.rollout.FrozenPolicy;
import io.avatarl.rollout.Groups;
import java.util.Arrays;

/**
 * The distribution of a frozen policy, combined with reality (avatarl.py, August 2025, steps 2 and
 * 3). Over the group's distinct tokens,
 *
 * <pre>
 *   ideal(a) ∝ reality(a)^α · referee(a)^β,   reality = 1 − ε on gold, ε spread over the others
 * </pre>
 *
 * normalised. Tokens at or below the mean get 0, the others scale · ideal(a), rescaled so that the
 * largest is at most {@code clamp}.
 */
record Referee(RefereeConfig config, FrozenPolicy policy) implements RewardComponent {
  @Override
  public float[] score(Groups groups) {
    float[] logProbs = policy.logProbs(groups);
    int vocabulary = policy.vocabulary();
    int k = groups.actionsPerGroup();
    float[] values = new float[groups.count() * k];
    double[] ideal = new double[k];
    // The last group that had each token, so that padding and repeated draws do not count again.
    int[] seen = new int[vocabulary];
    Arrays.fill(seen, -1);
    for (int g = 0; g < groups.count(); g++) {
      int active = 0;
      for (int i = 0; i < k; i++) {
        int action = groups.action(g, i);
        active += seen[action] == g ? 0 : 1;
        seen[action] = g;
      }
      double total = 0;
      for (int i = 0; i < k; i++) {
        int action = groups.action(g, i);
        double reality =
            action == groups.gold(g)
                ? 1 - config.labelSmoothing()
                : config.labelSmoothing() / Math.max(1, active - 1);
        ideal[i] =
            Math.pow(reality, config.realityWeight())
                * Math.exp(config.refereeWeight() * logProbs[g * vocabulary + action]);
        if (seen[action] == g) {
          total += ideal[i];
          seen[action] = -1;
        }
      }
      double largest = 0;
      for (int i = 0; i < k; i++) {
        double share = ideal[i] / total;
        double value = share > 1.0 / active ? config.scale() * share : 0;
        values[g * k + i] = (float) value;
        largest = Math.max(largest, value);
      }
      if (largest > config.clamp()) {
        for (int i = g * k; i < (g + 1) * k; i++) {
          values[i] *= (float) (config.clamp() / largest);
        }
      }
    }
    return values;
  }
}
