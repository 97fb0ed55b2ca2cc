package io.avatarl.corpus;

import java.io.Serializable;
import java.util.Arrays;

/**
 * How often every n-gram of length 1 to {@code order} occurs in a text.
 *
 * <p>A trie in sorted arrays: level k holds the distinct k-grams in lexicographic order, so that
 * the continuations of one context are a contiguous, sorted range of the next level. Level 0 is the
 * empty context. Immutable and serializable.
 */
public final class NgramCounts implements Serializable {
  private final int vocabularySize;
  private final int order;

  // By level k and then by node, a distinct k-gram.
  private final int[][] lastToken;
  private final int[][] counts;
  private final int[][] totals; // occurrences that are followed by another token
  private final int[][] firstChild; // one more entry than nodes: the next level's size

  private NgramCounts(int vocabularySize, int order, int[] nodes) {
    this.vocabularySize = vocabularySize;
    this.order = order;
    this.lastToken = new int[order + 1][];
    this.counts = new int[order + 1][];
    this.totals = new int[order][];
    this.firstChild = new int[order][];
    for (int level = 0; level <= order; level++) {
      lastToken[level] = new int[nodes[level]];
      counts[level] = new int[nodes[level]];
      if (level < order) {
        totals[level] = new int[nodes[level]];
        firstChild[level] = new int[nodes[level] + 1];
      }
    }
  }

  /**
   * Counts a text.
   *
   * @param tokens each in [0, vocabularySize)
   * @param order the longest n-gram counted, at least 1
   * @throws IllegalArgumentException where a token is out of range, or where order ·
   *     ⌈log₂(vocabularySize + 1)⌉ exceeds 63, the bits that one sort key holds
   */
  public static NgramCounts of(int[] tokens, int vocabularySize, int order) {
    int bits = Long.SIZE - Long.numberOfLeadingZeros(vocabularySize);
    if (order < 1 || vocabularySize < 1 || order * bits > 63) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot count n-grams of order %d over a vocabulary of %d: order x %d bits must be"
                  + " between 1 and 63; lower the order or the vocabulary size",
              order, vocabularySize, bits));
    }
    long[] keys = sortedKeys(tokens, vocabularySize, order, bits);
    int[] nodes = new int[order + 1];
    nodes[0] = 1;
    for (int i = 0; i < keys.length; i++) {
      int length = length(keys[i], order, bits);
      for (int level = shared(keys, i, order, bits) + 1; level <= length; level++) {
        nodes[level]++;
      }
    }
    NgramCounts result = new NgramCounts(vocabularySize, order, nodes);
    result.fill(keys, bits);
    return result;
  }

  /**
   * For every position the {@code order} tokens from there on, as token + 1 so that 0 can mean "the
   * text has ended": the last positions then sort before every longer n-gram they begin.
   */
  private static long[] sortedKeys(int[] tokens, int vocabularySize, int order, int bits) {
    long[] keys = new long[tokens.length];
    long key = 0;
    for (int i = tokens.length - 1; i >= 0; i--) {
      if (tokens[i] < 0 || tokens[i] >= vocabularySize) {
        throw new IllegalArgumentException(
            "token " + tokens[i] + " at " + i + " is outside the vocabulary of " + vocabularySize);
      }
      key = (key >>> bits) | ((tokens[i] + 1L) << (bits * (order - 1)));
      keys[i] = key;
    }
    Arrays.sort(keys);
    return keys;
  }

  /** Tokens in the key: fewer than the order where the text ends. */
  private static int length(long key, int order, int bits) {
    return order - Long.numberOfTrailingZeros(key) / bits;
  }

  /** Leading tokens that key i has in common with the key before it. */
  private static int shared(long[] keys, int i, int order, int bits) {
    if (i == 0) {
      return 0;
    }
    long difference = keys[i] ^ keys[i - 1];
    return difference == 0
        ? order
        : order - 1 - (Long.SIZE - 1 - Long.numberOfLeadingZeros(difference)) / bits;
  }

  private void fill(long[] keys, int bits) {
    int[] size = new int[order + 1];
    size[0] = 1;
    counts[0][0] = keys.length;
    long mask = (1L << bits) - 1;
    for (int i = 0; i < keys.length; i++) {
      int length = length(keys[i], order, bits);
      int shared = shared(keys, i, order, bits);
      for (int level = 1; level <= length; level++) {
        if (level > shared) {
          int node = size[level]++;
          lastToken[level][node] = (int) ((keys[i] >>> (bits * (order - level))) & mask) - 1;
          if (level < order) {
            firstChild[level][node] = size[level + 1];
          }
        }
        counts[level][size[level] - 1]++;
        totals[level - 1][size[level - 1] - 1]++;
      }
    }
    for (int level = 0; level < order; level++) {
      firstChild[level][size[level]] = size[level + 1];
    }
  }

  public int order() {
    return order;
  }

  public int vocabularySize() {
    return vocabularySize;
  }

  /**
   * c(ngram): how often it occurs. The empty n-gram occurs once per token.
   *
   * @throws IllegalArgumentException where it is longer than the order
   */
  public int count(int... ngram) {
    int node = find(ngram, 0, ngram.length, order);
    return node < 0 ? 0 : counts[ngram.length][node];
  }

  /**
   * c(h): how often the context is followed by a token. One less than {@link #count} for the
   * context that ends the text.
   *
   * @throws IllegalArgumentException where the context is as long as the order
   */
  public int total(int... context) {
    int node = find(context, 0, context.length, order - 1);
    return node < 0 ? 0 : totals[context.length][node];
  }

  /**
   * T(h): how many different tokens follow the context.
   *
   * @throws IllegalArgumentException where the context is as long as the order
   */
  public int distinct(int... context) {
    int node = find(context, 0, context.length, order - 1);
    return node < 0 ? 0 : distinctAt(context.length, node);
  }

  /**
   * The unsmoothed relative frequency c(h, w) / c(h), by the whole context given; 0 where the
   * context was never seen.
   *
   * @throws IllegalArgumentException where the context is as long as the order
   */
  public double frequency(int token, int... context) {
    int node = find(context, 0, context.length, order - 1);
    if (node < 0 || totals[context.length][node] == 0) {
      return 0;
    }
    int child = child(context.length, node, token);
    return child < 0
        ? 0
        : counts[context.length + 1][child] / (double) totals[context.length][node];
  }

  /**
   * The raw bigram counts c(a, b), row-major [V, V]; row a holds what follows token a.
   *
   * @throws IllegalArgumentException where the order is 1
   */
  public int[] bigramCounts() {
    if (order < 2) {
      throw new IllegalArgumentException("no bigrams were counted: the order is 1");
    }
    int[] table = new int[Math.multiplyExact(vocabularySize, vocabularySize)];
    for (int node = 0; node < lastToken[1].length; node++) {
      int row = lastToken[1][node] * vocabularySize;
      for (int child = firstChild[1][node]; child < firstChild[1][node + 1]; child++) {
        table[row + lastToken[2][child]] = counts[2][child];
      }
    }
    return table;
  }

  /** The node of tokens[from, to) at its level, or -1 where the text does not hold it. */
  int find(int[] tokens, int from, int to, int longest) {
    if (to - from > longest) {
      throw new IllegalArgumentException(
          (to - from) + " tokens given, but order " + order + " allows " + longest + " here");
    }
    int node = 0;
    for (int i = from; i < to && node >= 0; i++) {
      node = child(i - from, node, tokens[i]);
    }
    return node;
  }

  /** The node at level + 1 that continues a node with a token, or -1. */
  int child(int level, int node, int token) {
    int child =
        Arrays.binarySearch(
            lastToken[level + 1], firstChild[level][node], firstChild[level][node + 1], token);
    return Math.max(child, -1);
  }

  int countAt(int level, int node) {
    return counts[level][node];
  }

  int totalAt(int level, int node) {
    return totals[level][node];
  }

  int distinctAt(int level, int node) {
    return firstChild[level][node + 1] - firstChild[level][node];
  }

  int firstChild(int level, int node) {
    return firstChild[level][node];
  }

  int lastToken(int level, int node) {
    return lastToken[level][node];
  }
}
