package io.avatarl.corpus;

import java.io.Serializable;

/**
 * N-grams as 64-bit numbers whose order is the n-grams' lexicographic order: each token in {@code
 * bits} bits as token + 1, the first one highest. 0 means "the text has ended", so that the shorter
 * n-grams at the end of a text sort before longer ones with the same prefix.
 *
 * <p>The key of a position covers the {@code order} tokens from there on. Counting keys also counts
 * every shorter n-gram, as a key's prefix.
 */
public final class NgramKeys implements Serializable {
  private static final int KEY_BITS = 63;

  private final int vocabularySize;
  private final int order;
  private final int bits;
  private final long mask;

  /**
   * @param order tokens in a key, at least 1
   * @throws IllegalArgumentException if order · ⌈log₂(vocabularySize + 1)⌉ exceeds 63, the bits of
   *     a positive number
   */
  public NgramKeys(int vocabularySize, int order) {
    this.vocabularySize = vocabularySize;
    this.order = order;
    this.bits = bits(vocabularySize);
    if (order < 1 || vocabularySize < 1 || order * bits > KEY_BITS) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot count n-grams of order %d over a vocabulary of %d: order x %d bits must be"
                  + " between 1 and 63; lower the order or the vocabulary size",
              order, vocabularySize, bits));
    }
    this.mask = -1L >>> (Long.SIZE - bits * order);
  }

  private static int bits(int vocabularySize) {
    return Integer.SIZE - Integer.numberOfLeadingZeros(vocabularySize);
  }

  /** The longest n-gram that fits: 9 for 65 characters, 5 for 4,095 tokens, 3 for a million. */
  public static int longestOrder(int vocabularySize) {
    return KEY_BITS / bits(vocabularySize);
  }

  public int order() {
    return order;
  }

  public int vocabularySize() {
    return vocabularySize;
  }

  /**
   * The key one position on.
   *
   * @param token the new last token
   * @throws IllegalArgumentException if the token is not in the vocabulary
   */
  public long next(long key, int token) {
    if (token < 0 || token >= vocabularySize) {
      throw new IllegalArgumentException(
          "token " + token + " is outside the vocabulary of " + vocabularySize);
    }
    return (key << bits | (token + 1L)) & mask;
  }

  /** The key one position on, after the end of the text. */
  public long end(long key) {
    return key << bits & mask;
  }

  /** The keys of all positions of a text. */
  long[] of(int[] tokens) {
    long[] keys = new long[tokens.length];
    long key = 0;
    for (int i = 0; i < tokens.length + order - 1; i++) {
      key = i < tokens.length ? next(key, tokens[i]) : end(key);
      if (i >= order - 1) {
        keys[i - order + 1] = key;
      }
    }
    return keys;
  }

  /** Number of tokens in the key; fewer than the order at the end of the text. */
  int length(long key) {
    return order - Long.numberOfTrailingZeros(key) / bits;
  }

  /** Number of leading tokens that two different keys share. */
  int shared(long key, long other) {
    return order - 1 - (Long.SIZE - 1 - Long.numberOfLeadingZeros(key ^ other)) / bits;
  }

  /** The last of a key's first {@code length} tokens. */
  int token(long key, int length) {
    return (int) (key >>> bits * (order - length) & -1L >>> (Long.SIZE - bits)) - 1;
  }
}
