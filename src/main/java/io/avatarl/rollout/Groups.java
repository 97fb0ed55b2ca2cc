package io.avatarl.rollout;

/**
 * The groups of some windows: one group per position, and in it the actions tried there. Everything
 * is packed: window {@code b} takes tokens[b·(T+1) .. b·(T+1)+T], its position {@code t} is group
 * {@code g = b·T + t}, whose state is the window's first t+1 tokens and whose gold token is the
 * next one. Action {@code k} of group {@code g} is entry g·K + k of every per-action array.
 *
 * <p>Group statistics are weighted sums over the entries (mean = Σ w·r), whichever exploration made
 * them: exhaustive exploration has one entry per token of the vocabulary, sampling has K entries
 * with w = 1/K.
 *
 * @param windows B
 * @param context T
 * @param tokens [B·(T+1)]
 * @param actionsPerGroup K
 * @param sampled whether the entries are a random sample of the policy's actions (else: all of
 *     them)
 * @param actions token of each entry, [G·K]; empty when exhaustive: entry k is token k
 * @param weights weight of each entry, [G·K], summing to 1 in each group
 * @param logProbs log-probability of each entry under the policy that explored, [G·K]
 */
public record Groups(
    int windows,
    int context,
    int[] tokens,
    int actionsPerGroup,
    boolean sampled,
    int[] actions,
    float[] weights,
    float[] logProbs) {

  /** Number of groups, G = B·T. */
  public int count() {
    return windows * context;
  }

  /** The corpus's own next token in group {@code g}. */
  public int gold(int g) {
    return tokens[lastTokenIndex(g) + 1];
  }

  /** Index in {@link #tokens} of the last token of group {@code g}'s state. */
  public int lastTokenIndex(int g) {
    return g / context * (context + 1) + g % context;
  }

  /** Tokens in the state of group {@code g}, at least 1. */
  public int stateLength(int g) {
    return g % context + 1;
  }

  /** Token of entry {@code k} of group {@code g}. */
  public int action(int g, int k) {
    return actions.length == 0 ? k : actions[g * actionsPerGroup + k];
  }
}
