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

  private NgramCounts(int vocabularySize, int order) {
    this.vocabularySize = vocabularySize;
    this.order = order;
    this.lastToken = new int[order + 1][];
    this.counts = new int[order + 1][];
    this.totals = new int[order][];
    this.firstChild = new int[order][];
  }

  /**
   * Counts a text in memory, with 8 bytes per token while counting.
   *
   * @param tokens each in [0, vocabularySize)
   * @param order the longest n-gram counted, at least 1
   * @throws IllegalArgumentException if a token is out of range, or the order is above {@link
   *     NgramKeys#longestOrder}
   */
  public static NgramCounts of(int[] tokens, int vocabularySize, int order) {
    return of(tokens, vocabularySize, order, 1);
  }

  /**
   * As above, without n-grams of two or more tokens that occur less than {@code minCount} times;
   * see {@link Builder}.
   */
  public static NgramCounts of(int[] tokens, int vocabularySize, int order, int minCount) {
    NgramKeys keys = new NgramKeys(vocabularySize, order);
    long[] sorted = keys.of(tokens);
    Arrays.sort(sorted);
    Builder builder = new Builder(keys, minCount);
    for (int from = 0, to; from < sorted.length; from = to) {
      to = from + 1;
      while (to < sorted.length && sorted[to] == sorted[from]) {
        to++;
      }
      builder.add(sorted[from], to - from);
    }
    return builder.build();
  }

  /**
   * Builds the tables from sorted {@link NgramKeys keys} with their counts.
   *
   * <p>Pruning keeps an n-gram of two or more tokens if it occurs at least {@code minCount} times.
   * Its prefixes occur at least as often, so they are kept too. c(h) of a context is the sum over
   * the continuations that are kept, so that models still sum to one.
   */
  public static final class Builder {
    private final NgramKeys keys;
    private final int order;
    private final int minCount;
    private final Ints[] lastToken;
    private final Ints[] counts;
    private final Ints[] totals;
    private final Ints[] firstChild;

    // For each prefix length of the current n-gram: its count so far, its count with a kept
    // continuation, and where its continuations begin.
    private final long[] openCount;
    private final long[] openTotal;
    private final int[] openChild;
    private long last;

    /**
     * @param minCount 1 keeps every n-gram
     */
    public Builder(NgramKeys keys, int minCount) {
      this.keys = keys;
      this.order = keys.order();
      this.minCount = minCount;
      this.lastToken = Ints.rows(order + 1);
      this.counts = Ints.rows(order + 1);
      this.totals = Ints.rows(order);
      this.firstChild = Ints.rows(order);
      this.openCount = new long[order + 1];
      this.openTotal = new long[order + 1];
      this.openChild = new int[order + 1];
    }

    /**
     * Adds an n-gram that is the longest one at {@code count} positions.
     *
     * @param key greater than the previous key
     */
    public void add(long key, long count) {
      if (key <= last) {
        throw new IllegalArgumentException("keys must rise, but " + key + " follows " + last);
      }
      int shared = last == 0 ? 0 : keys.shared(last, key);
      close(shared);
      int length = keys.length(key);
      for (int level = shared + 1; level <= length; level++) {
        openCount[level] = 0;
        openTotal[level] = 0;
        openChild[level] = level < order ? lastToken[level + 1].size : 0;
      }
      for (int level = 0; level <= length; level++) {
        openCount[level] += count;
      }
      last = key;
    }

    /** Closes the n-grams longer than the prefix shared with the next one. */
    private void close(int shared) {
      for (int level = last == 0 ? 0 : keys.length(last); level > shared; level--) {
        if (level > 1 && openCount[level] < minCount) {
          continue;
        }
        lastToken[level].add(keys.token(last, level));
        close(level, openCount[level]);
        openTotal[level - 1] += openCount[level];
      }
    }

    private void close(int level, long count) {
      counts[level].add(Math.toIntExact(count));
      if (level < order) {
        totals[level].add(Math.toIntExact(openTotal[level]));
        firstChild[level].add(openChild[level]);
      }
    }

    /** The tables; the builder cannot be used afterwards. */
    public NgramCounts build() {
      close(0);
      lastToken[0].add(0);
      close(0, openCount[0]);
      NgramCounts result = new NgramCounts(keys.vocabularySize(), order);
      for (int level = 0; level <= order; level++) {
        if (level < order) {
          firstChild[level].add(lastToken[level + 1].size);
          result.totals[level] = totals[level].trimmed();
          result.firstChild[level] = firstChild[level].trimmed();
        }
        result.lastToken[level] = lastToken[level].trimmed();
        result.counts[level] = counts[level].trimmed();
      }
      return result;
    }
  }

  /** A growing array. */
  private static final class Ints {
    private int[] values = new int[16];
    private int size;

    static Ints[] rows(int count) {
      Ints[] rows = new Ints[count];
      Arrays.setAll(rows, i -> new Ints());
      return rows;
    }

    void add(int value) {
      if (size == values.length) {
        values = Arrays.copyOf(values, size + (size >> 1));
      }
      values[size++] = value;
    }

    /** The exact array; releases the buffer to make room for the next copy. */
    int[] trimmed() {
      int[] trimmed = size == values.length ? values : Arrays.copyOf(values, size);
      values = null;
      return trimmed;
    }
  }

  public int order() {
    return order;
  }

  public int vocabularySize() {
    return vocabularySize;
  }

  /**
   * Number of different n-grams of a length.
   *
   * @throws IndexOutOfBoundsException if the length is above the order
   */
  public int size(int length) {
    return lastToken[length].length;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof NgramCounts that
        && vocabularySize == that.vocabularySize
        && order == that.order
        && Arrays.deepEquals(lastToken, that.lastToken)
        && Arrays.deepEquals(counts, that.counts)
        && Arrays.deepEquals(totals, that.totals)
        && Arrays.deepEquals(firstChild, that.firstChild);
  }

  @Override
  public int hashCode() {
    return Arrays.deepHashCode(counts);
  }

  /**
   * c(ngram): how often it occurs. The empty n-gram occurs once per token.
   *
   * @throws IllegalArgumentException if it is longer than the order
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
   * The unsmoothed relative frequency c(h, w) / c(h) for the whole context; 0 if the context was
   * never seen.
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
   * @throws IllegalArgumentException if the order is 1
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

  /** The node of tokens[from, to) at its level, or -1 if the text does not contain it. */
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
