package io.avatarl.advantage;

/**
 * GRPO: (r − baseline) / std (Shao et al. 2024, DeepSeekMath, arXiv 2402.03300, section 4.1.2). As
 * published, the std is that of the whole group. It includes the entry's own reward, so unless the
 * floor applies, the gradient over K draws is not exactly the enumerated one.
 *
 * @param minStd lower bound of the divisor (avatarl's MIN_VARIANCE); 0: none
 */
record Grpo(double minStd) implements BaselineEstimator {
  /**
   * Below this, rewards differ only by rounding, or a different reward is too improbable for
   * float32.
   */
  private static final double SMALLEST_STD = 1e-8;

  @Override
  public double divisor(GroupStatistics group) {
    return group.std() < SMALLEST_STD ? 0 : Math.max(minStd, group.std());
  }
}
