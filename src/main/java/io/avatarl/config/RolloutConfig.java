package io.avatarl.config;

import java.io.Serializable;

/**
 * What executors do in a step.
 *
 * @param exploration which actions each group tries
 * @param weights of the actions in an exhaustive group: the policy's own probabilities, or 1/V
 * @param samples K, actions per group when sampled
 * @param windowsPerUpdate windows in one minibatch of the learner
 * @param shards tasks per step; part of the configuration, not of the cluster, so that results do
 *     not depend on it
 * @param ahead 1: rollouts of step n+1 run while the learner works on step n, with the weights that
 *     step n began with; 0: each step waits for the newest weights
 */
public record RolloutConfig(
    Exploration exploration,
    Weights weights,
    int samples,
    int windowsPerUpdate,
    int shards,
    int ahead)
    implements Serializable {
  public enum Exploration {
    EXHAUSTIVE,
    SAMPLED
  }

  public enum Weights {
    POLICY,
    UNIFORM
  }

  public RolloutConfig {
    Check.range("samples", samples, 1, 65536);
    Check.range("windowsPerUpdate", windowsPerUpdate, 1, 1 << 20);
    Check.range("shards", shards, 1, 1 << 16);
    Check.range("ahead", ahead, 0, 1);
  }
}
