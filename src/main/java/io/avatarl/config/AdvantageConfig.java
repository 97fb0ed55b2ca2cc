package io.avatarl.config;

/**
 * @param estimator how rewards become advantages relative to their group
 */
public record AdvantageConfig(Estimator estimator) {
  public enum Estimator {
    GRPO,
    DR_GRPO,
    MAXRL
  }
}
