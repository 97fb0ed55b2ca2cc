package io.avatarl.reward;

import io.avatarl.rollout.Groups;

/**
 * 1 for a token that is not among the state's last eight (avatarl's token diversity of June 2025,
 * horizon 8, per token).
 */
record Diversity() implements RewardComponent {
  private static final int SPAN = 8;

  @Override
  public float[] score(Groups groups) {
    int k = groups.actionsPerGroup();
    float[] values = new float[groups.count() * k];
    for (int g = 0; g < groups.count(); g++) {
      int last = groups.lastTokenIndex(g);
      int first = last + 1 - Math.min(SPAN, groups.stateLength(g));
      for (int i = 0; i < k; i++) {
        int action = groups.action(g, i);
        boolean fresh = true;
        for (int j = first; j <= last; j++) {
          fresh &= groups.tokens()[j] != action;
        }
        values[g * k + i] = fresh ? 1f : 0f;
      }
    }
    return values;
  }
}
