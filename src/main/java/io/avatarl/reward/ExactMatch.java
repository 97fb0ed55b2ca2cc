package io.avatarl.reward;

import io.avatarl.rollout.Groups;

/** 1 for the gold token, else 0: the verifiable reward. */
record ExactMatch() implements RewardComponent {
  @Override
  public float[] score(Groups groups) {
    int k = groups.actionsPerGroup();
    float[] values = new float[groups.count() * k];
    for (int g = 0; g < groups.count(); g++) {
      int gold = groups.gold(g);
      for (int i = 0; i < k; i++) {
        if (groups.action(g, i) == gold) {
          values[g * k + i] = 1f;
        }
      }
    }
    return values;
  }
}
