package io.avatarl.advantage;

import io.avatarl.rollout.Groups;

/**
 * MaxRL whose mean is over the distinct actions tried, M = Σ π(a) r(a), as if all others had reward
 * 0. If only one action of a state is rewarded, M is exact once that action is tried, so the
 * expected gradient is that of log E[r], not of its expansion up to order K − 1.
 *
 * <p>{@code found}: r / M − 1 with the weights of the draw; −1 if no try was rewarded. The baseline
 * is the constant 1 in every group, so its expected gradient is 0 for any draw.
 *
 * <p>{@code censored}: r / M with weight π. If no try was rewarded, the rewarded action is assumed
 * to be among those <i>not</i> tried: M is their probability, and every action tried has advantage
 * −1 / M. This is the score of a censored observation, ∇ log(1 − Σ π) over the actions tried:
 * failed tries are information too, and no weight grows as an action becomes rare. For states in
 * which exactly one action is rewarded.
 *
 * @param minMean lower bound of the divisor; 0: none
 */
record FoundMaxRl(boolean censored, double minMean) implements AdvantageEstimator {
  /** Rounding error of 1 − Σ π. */
  private static final double SMALLEST_REST = 1e-6;

  @Override
  public float[] advantages(Groups groups, float[] rewards) {
    float[] advantages = new float[rewards.length];
    int k = groups.actionsPerGroup();
    double[] share = new double[k]; // an action drawn n times counts 1/n each time
    for (int from = 0; from < rewards.length; from += k) {
      double mass = 0;
      double found = 0;
      for (int i = 0; i < k; i++) {
        share[i] = Math.exp(groups.logProbs()[from + i]) / times(groups, from, i);
        mass += share[i];
        found += share[i] * rewards[from + i];
      }
      boolean any = found >= MaxRl.SMALLEST_MEAN;
      double mean = any ? found : Math.max(SMALLEST_REST, 1 - mass);
      double divisor = Math.max(minMean, mean);
      for (int i = from; i < from + k; i++) {
        double weight = groups.weights()[i];
        double advantage;
        if (!censored) {
          advantage = (any ? rewards[i] / divisor : 0) - 1;
        } else {
          // The loss multiplies by the weight of the draw.
          advantage =
              weight == 0 ? 0 : (any ? rewards[i] : -1) / divisor * share[i - from] / weight;
        }
        advantages[i] = AdvantageEstimator.finite(advantage);
      }
    }
    return advantages;
  }

  private static int times(Groups groups, int from, int i) {
    if (groups.draw() == Groups.Draw.WITHOUT_REPLACEMENT) {
      return 1;
    }
    int times = 0;
    for (int j = 0; j < groups.actionsPerGroup(); j++) {
      times += groups.actions()[from + j] == groups.actions()[from + i] ? 1 : 0;
    }
    return times;
  }
}
