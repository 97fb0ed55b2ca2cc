package io.avatarl.reward;

import io.avatarl.rollout.Groups;

/**
 * −π for a wrong token that the policy gives more probability than all others together (π > 1/2);
 * avatarl's phase 2 of 3 June 2025, with weight 0.1.
 */
record ConfidencePenalty() implements RewardComponent {
  private static final double CONFIDENT = 0.5;

  @Override
  public float[] score(Groups groups) {
    int k = groups.actionsPerGroup();
    float[] values = new float[groups.count() * k];
    for (int g = 0; g < groups.count(); g++) {
      for (int i = g * k; i < (g + 1) * k; i++) {
        double probability = Math.exp(groups.logProbs()[i]);
        if (probability > CONFIDENT && groups.action(g, i - g * k) != groups.gold(g)) {
          values[i] = (float) -probability;
        }
      }
    }
    return values;
  }
}
