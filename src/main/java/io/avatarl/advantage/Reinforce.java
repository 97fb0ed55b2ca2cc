package io.avatarl.advantage;

import io.avatarl.rollout.Groups;

/**
 * REINFORCE without a baseline: the advantage is the reward (Williams 1992, "Simple statistical
 * gradient-following algorithms", with b = 0). If a group's weights stand for the policy, the
 * expectation of Σ w r ∇log π is the gradient of the mean reward, with more variance than with a
 * baseline. With a fixed choice of actions and equal weights 1/n (avatarl.py, August 2025) it is a
 * different objective, −(1/n) Σ r log π: cross-entropy to the rewards, whose optimum is π ∝ r over
 * these actions. A constant added to the rewards then pulls the policy to the uniform distribution.
 */
record Reinforce() implements AdvantageEstimator {
  @Override
  public float[] advantages(Groups groups, float[] rewards) {
    return rewards.clone();
  }
}
