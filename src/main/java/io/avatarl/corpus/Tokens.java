package io.avatarl.corpus;

import java.io.Serializable;

/**
 * The tokens of a split, in the order of the text. Immutable and serializable; what travels of a
 * {@link StoredTokens} is where its files are, not what is in them.
 */
public sealed interface Tokens extends Serializable permits TokenArray, StoredTokens {
  /** How many there are. */
  long length();

  /**
   * A stretch of them.
   *
   * @param from in [0, length − count]
   * @return tokens [count]
   */
  int[] read(long from, int count);

  /**
   * All of them.
   *
   * @throws ArithmeticException where no array holds so many
   */
  default int[] toArray() {
    return read(0, Math.toIntExact(length()));
  }

  /**
   * Tokens from the whole length, at most {@code most}: all where there are no more, else {@value
   * #STRETCHES} stretches (fewer where they would be short) of the same length, evenly spaced and
   * joined.
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

  /** Tokens below which a stretch is too short to say much. */
  int LEAST_STRETCH = 1 << 12;
}
