package io.avatarl.advantage;

/**
 * MaxRL: (r − mean) / mean, for rewards ≥ 0 (arXiv 2602.02710). With exhaustive exploration, policy
 * weights and reward 1 for the gold token, mean = π(gold) and the expected gradient is ∇ log
 * π(gold): that of maximum likelihood. With K samples it is the gradient of the likelihood's
 * expansion in pass@k up to order K.
 */
record MaxRl() implements AdvantageEstimator {
  /**
   * A mean below this (a gold token the policy all but excludes) would overflow the advantage in
   * float32.
   */
  private static final double SMALLEST_MEAN = 1e-30;

  @Override
  public double advantage(double reward, GroupStatistics group) {
    return group.mean() < SMALLEST_MEAN ? 0 : (reward - group.mean()) / group.mean();
  }
}
