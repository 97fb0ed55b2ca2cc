package io.avatarl.reward;

import io.avatarl.rollout.Groups;

/**
 * The gold token earns the probability that the policy gave it, at most {@code clip}, so that being
 * right with confidence pays more than being right by chance. avatarl (3 June 2025) multiplied the
 * gold reward R by min(1 + c·π, clip'); that is this component with weight R·c and clip = (clip' −
 * 1) / c.
 */
record ConfidenceBonus(double clip) implements RewardComponent {
  @Override
  public float[] score(Groups groups) {
    int k = groups.actionsPerGroup();
    float[] values = new float[groups.count() * k];
    for (int g = 0; g < groups.count(); g++) {
      for (int i = g * k; i < (g + 1) * k; i++) {
        if (groups.action(g, i - g * k) == groups.gold(g)) {
          values[i] = (float) Math.min(clip, Math.exp(groups.logProbs()[i]));
        }
      }
    }
    return values;
  }
}
