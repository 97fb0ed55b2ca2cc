package io.avatarl.corpus;

import java.io.Serializable;

/**
 * The tokens of a split, in the order of the text. Immutable and serializable; a serialized {@link
 * StoredTokens} holds the paths of its files, not their contents.
 */
public sealed interface Tokens extends Serializable permits TokenArray, StoredTokens {
  /** Number of tokens. */
  long length();

  /**
   * Reads a range of tokens.
   *
   * @param from in [0, length − count]
   * @return tokens [count]
   */
  int[] read(long from, int count);

  /**
   * All tokens.
   *
   * @throws ArithmeticException if they do not fit into an array
   */
  default int[] toArray() {
    return read(0, Math.toIntExact(length()));
  }

  /**
   * At most {@code most} tokens from the whole length: all if there are no more, else {@value
   * #STRETCHES} stretches of equal length (fewer if they would be short), evenly spaced and joined.
   */
  default int[] sample(int most) {
    if (length() <= most) {
      return toArray();
    }
    int stretches = Math.max(1, Math.min(STRETCHES, most / LEAST_STRETCH));
    int count = most / stretches;
    int[] sample = new int[stretches * count];
    for (int i = 0; i < stretches; i++) {
      long from = (long) ((length() - count) * (double) i / Math.max(1, stretches - 1));
      System.arraycopy(read(from, count), 0, sample, i * count, count);
    }
    return sample;
  }

  /** Stretches of a {@link #sample}. */
  int STRETCHES = 64;

  /** Shortest useful stretch, in tokens. */
  int LEAST_STRETCH = 1 << 12;
}
