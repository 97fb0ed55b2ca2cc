package io.avatarl.advantage;

import io.avatarl.rollout.Groups;

/**
 * REINFORCE without a baseline: the advantage is the reward (Williams 1992, "Simple statistical
 * gradient-following algorithms", with b = 0). Where the weights of a group stand for the policy, Σ
 * w r ∇log π has the gradient of the mean reward as its expectation, with more variance than a
 * baseline leaves. With a fixed choice of actions and equal weights 1/n (avatarl.py, August 2025)
 * it is another objective, −(1/n) Σ r log π: cross-entropy to the rewards, whose optimum is π ∝ r
 * over these actions; a constant added to the rewards then pulls to the uniform distribution.
 */
record Reinforce() implements AdvantageEstimator {
  @Override
  public float[] advantages(Groups groups, float[] rewards) {
    return rewards.clone();
  }
}
