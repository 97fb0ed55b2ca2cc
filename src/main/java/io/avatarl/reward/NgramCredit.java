package io.avatarl.reward;

import io.avatarl.corpus.NgramModel;
import io.avatarl.rollout.Groups;

/**
 * Partial credit for a plausible token, avatarl's bootstrap signal: its n-gram probability after
 * the state (Witten–Bell, counted in the training split), or its logarithm scaled as avatarl did
 * (train.py of 3 June 2025: log(p + 1e-10) / 10).
 */
record NgramCredit(NgramModel model, boolean logarithmic) implements RewardComponent {
  private static final double SMALLEST = 1e-10;
  private static final double SCALE = 10;

  /** The logarithmic credit of a token with probability 0. */
  static final double LOWEST_LOG = Math.log(SMALLEST) / SCALE;

  @Override
  public float[] score(Groups groups) {
    return NgramScoring.perAction(
        model, groups, (p, logProb) -> logarithmic ? Math.log(p + SMALLEST) / SCALE : p);
  }
}
