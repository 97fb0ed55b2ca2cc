package io.avatarl.config;

import java.io.Serializable;

/**
 * @param estimator how rewards become advantages relative to their group
 * @param mean how maxrl estimates the mean reward of a sampled group
 * @param minStd least standard deviation that grpo divides by (avatarl: 0.1)
 * @param minMean least mean reward that maxrl divides by
 */
public record AdvantageConfig(Estimator estimator, Mean mean, double minStd, double minMean)
    implements Serializable {
  public enum Estimator {
    GRPO,
    DR_GRPO,
    MAXRL,
    REINFORCE
  }

  public enum Mean {
    WEIGHTED,
    FOUND,
    CENSORED
  }

  public AdvantageConfig {
    Check.range("minStd", minStd, 0, 1e6);
    Check.range("minMean", minMean, 0, 1e6);
    Check.that(
        mean == Mean.WEIGHTED || estimator == Estimator.MAXRL,
        "mean",
        ConfigReader.spelling(mean.name()) + " is for advantage.estimator = maxrl; set weighted");
  }
}
