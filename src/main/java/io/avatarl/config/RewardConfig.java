package io.avatarl.config;

import java.io.Serializable;
import java.util.List;
import java.util.Map;

/**
 * @param weights weight of each reward component by its name; 0 = not computed
 * @param offset added to every reward
 * @param goldConfidence c: the weighted sum of the gold token's components is multiplied by 1 + c·π
 * @param confidenceClip largest value of the component {@code confidence}
 * @param improvementOrder n-gram order of the reference in {@code improvement}
 * @param wordLengths values of words of 1, 2, … letters in {@code word}
 * @param referee the frozen model behind {@code referee}
 */
public record RewardConfig(
    Map<String, Double> weights,
    double offset,
    double goldConfidence,
    double confidenceClip,
    int improvementOrder,
    List<Double> wordLengths,
    RefereeConfig referee)
    implements Serializable {
  public RewardConfig {
    weights.forEach((name, weight) -> Check.range("weights." + name, weight, -1e6, 1e6));
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
}
