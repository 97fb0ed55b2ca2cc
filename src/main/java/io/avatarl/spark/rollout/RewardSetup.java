package io.avatarl.spark.rollout;

import io.avatarl.corpus.NgramCounts;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.FrozenPolicy;
import java.io.Serializable;
import java.util.List;
import java.util.Map;

/**
 * How a run's rollouts are paid.
 *
 * @param counts n-grams of the training split
 * @param rewards built on the driver, used by every task
 * @param stages reward weights of each stage of the curriculum
 * @param referee the frozen policy; null: none
 */
public record RewardSetup(
    NgramCounts counts, Rewards rewards, List<Map<String, Double>> stages, FrozenPolicy referee)
    implements Serializable {}
