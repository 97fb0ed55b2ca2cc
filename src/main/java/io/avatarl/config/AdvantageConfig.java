package io.avatarl.config;

import java.io.Serializable;

/**
 * @param estimator how rewards become advantages relative to their group
 */
public record AdvantageConfig(Estimator estimator) implements Serializable {
  public enum Estimator {
    GRPO,
    DR_GRPO,
    MAXRL
  }
}
