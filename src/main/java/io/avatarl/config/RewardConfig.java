package io.avatarl.config;

import java.io.Serializable;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * @param weights weight of each reward component by its name; 0 = not computed
 * @param custom components of the user's own by their names
 * @param customDefaults the keys that one of them leaves out
 * @param offset added to every reward
 * @param goldConfidence c: the weighted sum of the gold token's components is multiplied by 1 + c·π
 * @param confidenceClip largest value of the component {@code confidence}
 * @param improvementOrder n-gram order of the reference in {@code improvement}
 * @param wordLengths values of words of 1, 2, … letters in {@code word}
 * @param referee the frozen model behind {@code referee}
 */
public record RewardConfig(
    Map<String, Double> weights,
    Map<String, CustomRewardConfig> custom,
    Map<String, Object> customDefaults,
    double offset,
    double goldConfidence,
    double confidenceClip,
    int improvementOrder,
    List<Double> wordLengths,
    RefereeConfig referee)
    implements Serializable {
  private static final String NAME = "[A-Za-z][A-Za-z0-9_-]*";

  public RewardConfig {
    weights.forEach((name, weight) -> Check.range("weights." + name, weight, -1e6, 1e6));
    custom
        .keySet()
        .forEach(
            name -> {
              Check.that(
                  name.matches(NAME),
                  "custom",
                  '"' + name + "\" is no name; write letters, digits, _ and -, a letter first");
              Check.that(
                  !weights.containsKey(name),
                  "custom." + name,
                  "is the name of a built-in component; choose another");
            });
    Check.range("offset", offset, -1e6, 1e6);
    Check.range("goldConfidence", goldConfidence, 0, 1e6);
    Check.range("confidenceClip", confidenceClip, 0, 1e6);
    Check.range("improvementOrder", improvementOrder, 1, 5);
    Check.that(!wordLengths.isEmpty(), "wordLengths", "is empty; give a value for each length");
    Check.that(
        weights.getOrDefault("referee", 0.0) == 0 || !referee.run().isEmpty(),
        "referee.run",
        "is empty, but reward.weights.referee is not 0; name the referee's run");
  }

  /** Weight of each component, built in or custom, by its name. */
  public Map<String, Double> allWeights() {
    Map<String, Double> all = new LinkedHashMap<>(weights);
    custom.forEach((name, component) -> all.put(name, component.weight()));
    return Collections.unmodifiableMap(all);
  }
}
