package io.avatarl.advantage;

/**
 * MaxRL: (r − baseline) / mean, for rewards ≥ 0 (arXiv 2602.02710). With exhaustive exploration,
 * policy weights and reward 1 for the gold token, mean = π(gold) and the expected gradient is ∇ log
 * π(gold), as in maximum likelihood. With K draws from the policy and the group's own mean, it is
 * the gradient of the likelihood's expansion in pass@k up to order K − 1: (1 − (1 − π)^(K−1)) ∇ log
 * π, times K/(K − 1) for the leave-one-out baseline.
 *
 * @param minMean lower bound of the divisor; 0: none
 */
record MaxRl(double minMean) implements BaselineEstimator {
  /**
   * A smaller mean (a gold token with almost no probability) would overflow the advantage in
   * float32.
   */
  static final double SMALLEST_MEAN = 1e-30;

  @Override
  public double divisor(GroupStatistics group) {
    return group.mean() < SMALLEST_MEAN ? 0 : Math.max(minMean, group.mean());
  }
}
