package io.avatarl.reward;

import io.avatarl.corpus.NgramModel;
import io.avatarl.rollout.Groups;

/**
 * How much more probable an action is under the policy than under the n-gram reference: log
 * π_old(a) − log P(a), clipped to [−1, 2] (avatarl, train.py of 3 June 2025, "improvement bonus").
 */
record Improvement(NgramModel model) implements RewardComponent {
  static final double LOWEST = -1;
  static final double HIGHEST = 2;

  @Override
  public float[] score(Groups groups) {
    return NgramScoring.perAction(
        model, groups, (p, logProb) -> Math.max(LOWEST, Math.min(HIGHEST, logProb - Math.log(p))));
  }
}
