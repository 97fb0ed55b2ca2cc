package io.avatarl.spark.rollout;

import io.avatarl.corpus.NgramCounts;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.FrozenPolicy;
import java.io.Serializable;
import java.util.Optional;

/** Everything that scores a run's rollouts; built on the driver, used by every task. */
public final class RewardSetup implements Serializable {
  private static final long serialVersionUID = 1;

  private final NgramCounts counts;
  private final Rewards rewards;
  // An Optional cannot be serialized.
  private final FrozenPolicy referee;

  /**
   * @param counts n-grams of the training split
   * @param referee the frozen policy, if one is configured
   */
  public RewardSetup(NgramCounts counts, Rewards rewards, Optional<FrozenPolicy> referee) {
    this.counts = counts;
    this.rewards = rewards;
    this.referee = referee.orElse(null);
  }

  NgramCounts counts() {
    return counts;
  }

  Rewards rewards() {
    return rewards;
  }

  Optional<FrozenPolicy> referee() {
    return Optional.ofNullable(referee);
  }
}
