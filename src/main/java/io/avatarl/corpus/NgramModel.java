package io.avatarl.corpus;

import java.io.Serializable;
import java.util.Arrays;

/**
 * An interpolated Witten–Bell n-gram language model (Witten and Bell, "The zero-frequency problem",
 * IEEE Transactions on Information Theory 37(4), 1991, method C; interpolated as in Chen and
 * Goodman 1999, section 2.6):
 *
 * <pre>P_k(w | h) = (c(h, w) + T(h) · P_{k-1}(w | h')) / (c(h) + T(h))</pre>
 *
 * where h is the last k−1 tokens, h' is h without its first, c(h) counts how often a token follows
 * h, T(h) counts the different tokens that follow it, and P_0 is uniform, 1/V. A context that was
 * never seen backs off entirely: P_k = P_{k-1}.
 *
 * <p>Serves as a baseline and as a source of partial credit. Immutable and serializable.
 */
public final class NgramModel implements Serializable {
  private final NgramCounts counts;
  private final int order;

  /**
   * @param order tokens in an n-gram: 2 for the bigram model, whose context is one token
   * @throws IllegalArgumentException if the counts do not reach that order
   */
  public NgramModel(NgramCounts counts, int order) {
    if (order < 1 || order > counts.order()) {
      throw new IllegalArgumentException(
          "order " + order + " is not in 1.." + counts.order() + ", the orders counted");
    }
    this.counts = counts;
    this.order = order;
  }

  public int vocabularySize() {
    return counts.vocabularySize();
  }

  public int order() {
    return order;
  }

  /**
   * A model's scores on a text.
   *
   * @param crossEntropy nats per token
   * @param accuracy share of positions whose token is the {@link #predict prediction}, in [0, 1]
   * @param positions number of tokens predicted
   */
  public record Evaluation(double crossEntropy, double accuracy, int positions) {}

  /** P(token | context). Only the last order − 1 tokens of the context count. */
  public double probability(int token, int... context) {
    return probability(token, context, 0, context.length);
  }

  /** P(token | tokens[from, to)). Of a context longer than order − 1 the last tokens count. */
  public double probability(int token, int[] tokens, int from, int to) {
    double probability = 1.0 / counts.vocabularySize();
    for (int length = 0; length <= Math.min(order - 1, to - from); length++) {
      int node = counts.find(tokens, to - length, to, length);
      if (node < 0) {
        break; // no longer context was seen
      }
      int child = counts.child(length, node, token);
      int count = child < 0 ? 0 : counts.countAt(length + 1, child);
      probability = interpolate(count, length, node, probability);
    }
    return probability;
  }

  /** P(· | context), [V]. Only the last order − 1 tokens of the context count. */
  public double[] distribution(int... context) {
    double[] out = new double[counts.vocabularySize()];
    distribution(context, 0, context.length, out, 0);
    return out;
  }

  /**
   * Writes P(· | tokens[from, to)) into out[offset, offset + V), for contexts that are prefixes of
   * a packed window. Only the last order − 1 tokens of the context count.
   */
  public void distribution(int[] tokens, int from, int to, double[] out, int offset) {
    int vocabularySize = counts.vocabularySize();
    Arrays.fill(out, offset, offset + vocabularySize, 1.0 / vocabularySize);
    for (int length = 0; length <= Math.min(order - 1, to - from); length++) {
      int node = counts.find(tokens, to - length, to, length);
      if (node < 0) {
        return;
      }
      int child = counts.firstChild(length, node);
      int end = child + counts.distinctAt(length, node);
      for (int token = 0; token < vocabularySize; token++) {
        boolean seen = child < end && counts.lastToken(length + 1, child) == token;
        int count = seen ? counts.countAt(length + 1, child++) : 0;
        out[offset + token] = interpolate(count, length, node, out[offset + token]);
      }
    }
  }

  /**
   * The most frequent continuation of the longest context that was seen. Ties go to the lowest
   * token; without any counts it is token 0.
   */
  public int predict(int... context) {
    for (int length = Math.min(order - 1, context.length); length >= 0; length--) {
      int node = counts.find(context, context.length - length, context.length, length);
      if (node >= 0 && counts.totalAt(length, node) > 0) {
        return mostFrequent(length, node);
      }
    }
    return 0;
  }

  /**
   * Scores every token of a text. The first tokens have shorter contexts: nothing before the text
   * is used.
   *
   * @throws IllegalArgumentException if the text is empty
   */
  public Evaluation evaluate(int[] tokens) {
    if (tokens.length == 0) {
      throw new IllegalArgumentException("an empty text has no cross-entropy");
    }
    // contexts[k]: the node of the last k tokens, -1 if never seen. A token's n-gram at level k + 1
    // is the next token's context, so each is looked up once.
    int[] contexts = new int[order + 1];
    Arrays.fill(contexts, 1, order + 1, -1);
    double sum = 0;
    int correct = 0;
    for (int token : tokens) {
      int longest = order - 1;
      while (longest > 0 && !followed(longest, contexts[longest])) {
        longest--;
      }
      if (mostFrequent(longest, contexts[longest]) == token) {
        correct++;
      }
      double probability = 1.0 / counts.vocabularySize();
      int next = 0;
      for (int length = 0; length < order; length++) {
        int node = contexts[length];
        contexts[length] = next;
        next = -1;
        if (node >= 0) {
          next = counts.child(length, node, token);
          int count = next < 0 ? 0 : counts.countAt(length + 1, next);
          probability = interpolate(count, length, node, probability);
        }
      }
      sum -= Math.log(probability);
    }
    return new Evaluation(sum / tokens.length, correct / (double) tokens.length, tokens.length);
  }

  private boolean followed(int length, int node) {
    return node >= 0 && counts.totalAt(length, node) > 0;
  }

  /** The formula above, for one token that follows the context {@code count} times. */
  private double interpolate(int count, int length, int node, double lower) {
    int total = counts.totalAt(length, node);
    int distinct = counts.distinctAt(length, node);
    return total == 0 ? lower : (count + distinct * lower) / (total + distinct);
  }

  private int mostFrequent(int length, int node) {
    int first = counts.firstChild(length, node);
    int end = first + counts.distinctAt(length, node);
    int best = 0;
    int bestCount = 0;
    for (int child = first; child < end; child++) {
      int count = counts.countAt(length + 1, child);
      if (count > bestCount) {
        bestCount = count;
        best = counts.lastToken(length + 1, child);
      }
    }
    return best;
  }
}
