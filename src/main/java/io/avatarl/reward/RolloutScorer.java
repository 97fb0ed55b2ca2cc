package io.avatarl.reward;

import io.avatarl.rollout.Groups;
import java.io.Serializable;

/** A reward component as tasks use it, several of a JVM at the same time. */
public interface RolloutScorer extends Serializable {
  /**
   * The unweighted value of every action.
   *
   * @return [G·K]
   */
  float[] score(Groups groups, RolloutOrigin origin);
}
