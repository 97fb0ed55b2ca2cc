package io.avatarl.config;

import java.io.Serializable;
import java.util.Map;

/**
 * One stage of a curriculum.
 *
 * @param name for the metrics and the rollout table
 * @param reward weights of reward components that differ from {@code reward.weights}
 * @param klWeight factor on {@code learner.kl.weight}
 * @param horizon tokens of one rollout; 0: {@code rollout.horizon}
 * @param promotion what ends the stage
 * @param steps after which the stage may end; with {@code step}, it does end
 * @param threshold relative change of the averaged perplexity: {@code improvement} ends the stage
 *     when it has fallen by this since the stage began, {@code plateau} when it has not fallen by
 *     this within {@code patience} steps
 * @param patience in steps
 */
public record StageConfig(
    String name,
    Map<String, Double> reward,
    double klWeight,
    int horizon,
    Promotion promotion,
    int steps,
    double threshold,
    int patience)
    implements Serializable {
  public enum Promotion {
    STEP,
    IMPROVEMENT,
    PLATEAU,
    IMPROVEMENT_OR_PLATEAU
  }

  public StageConfig {
    Check.range("klWeight", klWeight, 0, 1e6);
    Check.range("horizon", horizon, 0, 65536);
    Check.range("steps", steps, 0, 1_000_000_000);
    Check.range("threshold", threshold, 0, 1);
    Check.range("patience", patience, 1, 1_000_000_000);
  }
}
