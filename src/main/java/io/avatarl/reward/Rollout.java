package io.avatarl.reward;

/**
 * What was tried in one state, as a {@link RewardFunction} sees it: one action, or with {@code
 * rollout.horizon} = H &gt; 1 a continuation of H tokens. All of it is known before rewards.
 */
public interface Rollout {
  /** The text before it: the state of an action, the prompt of a continuation. */
  String context();

  /** The text that was tried. */
  String action();

  /** The corpus's own text at its place, as many tokens long. */
  String gold();

  /** Tokens of the context, at least one. */
  int[] contextTokens();

  /** The tokens that were tried: one, or H. */
  int[] actionTokens();

  /** The corpus's own tokens at their places, as many. */
  int[] goldTokens();

  /**
   * Natural logarithm of the probability that the exploring policy gave each of the tokens, in the
   * state that the ones before it make.
   */
  double[] logProbs();
}
