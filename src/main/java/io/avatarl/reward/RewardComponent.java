package io.avatarl.reward;

import io.avatarl.rollout.Groups;
import java.io.Serializable;

/**
 * One component of the reward. A new component is one class, one line in {@link Rewards#REGISTRY}
 * and one key in {@code reference.conf}.
 */
interface RewardComponent extends Serializable {
  /**
   * The unweighted value of every action.
   *
   * @return [G·K]
   */
  float[] score(Groups groups);
}
