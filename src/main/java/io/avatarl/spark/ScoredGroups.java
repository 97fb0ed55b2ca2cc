package io.avatarl.spark;

import io.avatarl.advantage.AdvantageEstimator;
import io.avatarl.reward.CreditAssignment;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.Groups;
import java.util.Map;

/**
 * Groups with what they are paid.
 *
 * @param components unweighted values of each reward component, [G·K]
 * @param rewards [G·K]
 * @param advantages [G·K]
 */
record ScoredGroups(
    Groups groups, Map<String, float[]> components, float[] rewards, float[] advantages) {
  /** As a stage of the curriculum pays them. */
  static ScoredGroups of(RunContext run, int stage, Groups groups) {
    Map<String, Double> weights = run.plan().stages().get(stage);
    Map<String, float[]> components = run.plan().rewards().components(groups, weights);
    float[] rewards = Rewards.total(components, weights);
    CreditAssignment.assign(run.config().rollout().credit(), groups, rewards);
    float[] advantages =
        AdvantageEstimator.of(run.config().advantage()).advantages(groups, rewards);
    return new ScoredGroups(groups, components, rewards, advantages);
  }
}
