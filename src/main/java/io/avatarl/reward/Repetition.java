package io.avatarl.reward;

import io.avatarl.rollout.Groups;

/**
 * −1 for repeating the state's last token (avatarl's repetition penalty of June 2025, per token).
 */
record Repetition() implements RewardComponent {
  @Override
  public float[] score(Groups groups) {
    int k = groups.actionsPerGroup();
    float[] values = new float[groups.count() * k];
    for (int g = 0; g < groups.count(); g++) {
      int last = groups.tokens()[groups.lastTokenIndex(g)];
      for (int i = 0; i < k; i++) {
        values[g * k + i] = groups.action(g, i) == last ? -1f : 0f;
      }
    }
    return values;
  }
}
