package io.avatarl.advantage;

/**
 * Dr. GRPO: r − baseline, without the division by std that favours easy states (Liu et al. 2025,
 * arXiv 2503.20783).
 */
record DrGrpo() implements BaselineEstimator {
  @Override
  public double divisor(GroupStatistics group) {
    return 1;
  }
}
