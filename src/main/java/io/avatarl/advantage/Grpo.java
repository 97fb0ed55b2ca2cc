package io.avatarl.advantage;

/**
 * GRPO: (r − mean) / std (Shao et al. 2024, DeepSeekMath, arXiv 2402.03300, section 4.1.2).
 *
 * @param minStd the least std that is divided by (avatarl's MIN_VARIANCE); 0: none
 */
record Grpo(double minStd) implements AdvantageEstimator {
  /**
   * Below this the rewards differ by rounding only, or the odds of a different one are beyond
   * float32.
   */
  private static final double SMALLEST_STD = 1e-8;

  @Override
  public double advantage(double reward, GroupStatistics group) {
    return group.std() < SMALLEST_STD ? 0 : (reward - group.mean()) / Math.max(minStd, group.std());
  }
}
