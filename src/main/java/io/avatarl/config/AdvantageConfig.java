package io.avatarl.config;

import java.io.Serializable;

/**
 * @param estimator how rewards become advantages relative to their group
 * @param minStd least standard deviation that grpo divides by (avatarl: 0.1)
 */
public record AdvantageConfig(Estimator estimator, double minStd) implements Serializable {
  public enum Estimator {
    GRPO,
    DR_GRPO,
    MAXRL
  }

  public AdvantageConfig {
    Check.range("minStd", minStd, 0, 1e6);
  }
}
