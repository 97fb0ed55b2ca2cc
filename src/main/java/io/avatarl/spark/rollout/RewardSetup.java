package io.avatarl.spark.rollout;

import io.avatarl.corpus.NgramCounts;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.FrozenPolicy;
import java.io.Serializable;

/**
 * How a run's rollouts are paid.
 *
 * @param counts n-grams of the training split
 * @param rewards built on the driver, used by every task
 * @param referee the frozen policy; null: none
 */
public record RewardSetup(NgramCounts counts, Rewards rewards, FrozenPolicy referee)
    implements Serializable {}
