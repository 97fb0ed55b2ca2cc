package io.avatarl.config;

import java.io.Serializable;
import java.util.Map;

/**
 * @param weights weight of each reward component by its name; 0 = not computed
 */
public record RewardConfig(Map<String, Double> weights) implements Serializable {
  public RewardConfig {
    weights.forEach((name, weight) -> Check.range("weights." + name, weight, -1e6, 1e6));
    Check.that(
        weights.values().stream().anyMatch(w -> w != 0),
        "weights",
        "are all 0: nothing is rewarded");
  }
}
