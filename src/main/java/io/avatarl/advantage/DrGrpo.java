package io.avatarl.advantage;

/**
 * Dr. GRPO: r − mean, without the division by std that favours easy states (Liu et al. 2025, arXiv
 * 2503.20783).
 */
record DrGrpo() implements AdvantageEstimator {
  @Override
  public double advantage(double reward, GroupStatistics group) {
    return reward - group.mean();
  }
}
