package io.avatarl.rollout;

import java.util.Arrays;

/**
 * The groups of some rows of tokens: one group per position from {@code first} on, with the actions
 * tried there. Arrays are packed. Row {@code b} is tokens[b·T .. (b+1)·T). Its position {@code t}
 * is group {@code g = b·(T − first) + t − first}, whose state is the row's tokens up to and
 * including {@code t}. Action {@code k} of group {@code g} is entry g·K + k of every per-action
 * array.
 *
 * <p>For every exploration, statistics of a group are weighted sums over its entries (mean = Σ
 * w·r): exhaustive exploration has one entry per token of the vocabulary, sampling has K entries
 * with w = 1/K. With continuations of several tokens, the K rollouts of one context are K
 * consecutive rows ({@code rowsPerContext}), each with its own tokens after the context. The
 * compared entries are then those of the K rows at the same position.
 *
 * @param windows rows, B
 * @param context tokens in a row, T
 * @param first position of the first group in a row
 * @param rowsPerContext rows whose entries at one position are compared with each other
 * @param tokens [B·T]
 * @param golds the corpus's own next token of each group, [G]
 * @param actionsPerGroup entries of one group in one row, K
 * @param draw how the entries were chosen
 * @param actions token of each entry, [G·K]; empty if exhaustive: entry k is token k
 * @param weights weight of each entry, [G·K]; over compared entries they sum to 1 (with importance
 *     weights, in expectation)
 * @param logProbs log-probability of each entry under the policy that explored, [G·K]
 */
public record Groups(
    int windows,
    int context,
    int first,
    int rowsPerContext,
    int[] tokens,
    int[] golds,
    int actionsPerGroup,
    Draw draw,
    int[] actions,
    float[] weights,
    float[] logProbs) {

  /** How the entries of a group were chosen; it decides which baseline is unbiased. */
  public enum Draw {
    /** Without randomness: every token, or a fixed selection. */
    ENUMERATED,
    /** K independent draws from the same distribution. */
    INDEPENDENT,
    /** K different tokens, by an exponential race. */
    WITHOUT_REPLACEMENT
  }

  /** Groups at every position of windows of the corpus. */
  static Groups ofWindows(
      WindowBatch rows,
      int actionsPerGroup,
      Draw draw,
      int[] actions,
      float[] weights,
      float[] logProbs) {
    return new Groups(
        rows.windows(),
        rows.context(),
        0,
        1,
        rows.inputs(),
        rows.golds(),
        actionsPerGroup,
        draw,
        actions,
        weights,
        logProbs);
  }

  /**
   * The gold token alone in every group, with weight 1: no exploration, for the supervised
   * yardstick.
   */
  public static Groups gold(WindowBatch rows) {
    float[] ones = new float[rows.golds().length];
    Arrays.fill(ones, 1f);
    return ofWindows(rows, 1, Draw.ENUMERATED, rows.golds(), ones, new float[ones.length]);
  }

  /**
   * What exploration would yield if the policy had written the corpus's own text, each token with
   * certainty: to try on what is to score rollouts.
   *
   * @param horizon tokens of a rollout; more than 1: a continuation of each window, twice
   */
  public static Groups asWritten(WindowBatch rows, int horizon) {
    if (horizon == 1) {
      return gold(rows);
    }
    int context = rows.context();
    int[] tokens = new int[2 * rows.inputs().length];
    int[] golds = new int[2 * rows.windows() * horizon];
    for (int row = 0; row < 2 * rows.windows(); row++) {
      System.arraycopy(rows.inputs(), row / 2 * context, tokens, row * context, context);
      int end = (row / 2 + 1) * context;
      System.arraycopy(rows.golds(), end - horizon, golds, row * horizon, horizon);
    }
    float[] halves = new float[golds.length];
    Arrays.fill(halves, 0.5f);
    return new Groups(
        2 * rows.windows(),
        context,
        context - horizon,
        2,
        tokens,
        golds,
        1,
        Draw.INDEPENDENT,
        golds,
        halves,
        new float[golds.length]);
  }

  /**
   * The groups for the learner, which averages over the states of all rows: weights sum to 1 in
   * each row instead of over the rows of a context. Otherwise the policy gradient would shrink by
   * the number of rows relative to entropy and KL, which count in full for every row.
   */
  Groups apart() {
    if (rowsPerContext == 1) {
      return this;
    }
    float[] scaled = weights.clone();
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] *= rowsPerContext;
    }
    return new Groups(
        windows,
        context,
        first,
        1,
        tokens,
        golds,
        actionsPerGroup,
        draw,
        actions,
        scaled,
        logProbs);
  }

  /** Whether the entries are a random sample of the policy's actions. */
  public boolean sampled() {
    return draw != Draw.ENUMERATED;
  }

  /** Groups in one row. */
  public int groupsPerRow() {
    return context - first;
  }

  /** Number of groups, G. */
  public int count() {
    return windows * groupsPerRow();
  }

  /** The corpus's own next token in group {@code g}. */
  public int gold(int g) {
    return golds[g];
  }

  /** Index in {@link #tokens} of the last token of group {@code g}'s state. */
  public int lastTokenIndex(int g) {
    return g / groupsPerRow() * context + first + g % groupsPerRow();
  }

  /** Tokens in the state of group {@code g}, at least 1. */
  public int stateLength(int g) {
    return first + g % groupsPerRow() + 1;
  }

  /** Entries that are compared with each other: from, from + stride, …, {@code count} of them. */
  public interface Compared {
    void entries(int from, int stride, int count);
  }

  /**
   * Visits every set of compared entries: those of one group, or of one position over a context's
   * rows.
   */
  public void forEachCompared(Compared visitor) {
    int rowLength = groupsPerRow() * actionsPerGroup;
    if (rowsPerContext == 1) {
      for (int from = 0; from < windows * rowLength; from += actionsPerGroup) {
        visitor.entries(from, 1, actionsPerGroup);
      }
    } else {
      for (int block = 0; block < windows * rowLength; block += rowsPerContext * rowLength) {
        for (int from = block; from < block + rowLength; from++) {
          visitor.entries(from, rowLength, rowsPerContext);
        }
      }
    }
  }

  /** Token of entry {@code k} of group {@code g}. */
  public int action(int g, int k) {
    return actions.length == 0 ? k : actions[g * actionsPerGroup + k];
  }
}
