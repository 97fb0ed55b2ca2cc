package io.avatarl.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.random.RandomGenerator;

/**
 * Continuations of prompts in batches, with the same result as for each prompt alone.
 *
 * <p>The tokens are those of the path without a cache: one forward pass over a single state per
 * token. Here prompts of equal length share a cache. PyTorch picks its matrix kernels by the number
 * of rows, and they round differently; so a draw that rounding could decide is repeated with that
 * single forward pass ({@link TokenSampler#isSure}). Log-probabilities come from one pass over all
 * tokens of a prompt's own K rows.
 *
 * @param samples K, for each prompt
 * @param horizon H, tokens of each
 * @param temperature the logits are divided by it; 0 takes the most probable token
 */
record PromptContinuations(Policy policy, int samples, int horizon, double temperature) {
  /** Rows that share a cache, if K is not larger. */
  private static final int ROWS = 256;

  /**
   * @param prompts at least one token each
   * @param streams starts a prompt's stream of random numbers, by the prompt's index
   */
  Policy.Continuations of(List<int[]> prompts, IntFunction<RandomGenerator> streams) {
    int made = samples * horizon;
    int[] tokens = new int[Math.multiplyExact(prompts.size(), made)];
    float[] logProbs = new float[tokens.length];
    Map<Integer, List<Integer>> byLength = new TreeMap<>();
    for (int i = 0; i < prompts.size(); i++) {
      byLength.computeIfAbsent(prompts.get(i).length, length -> new ArrayList<>()).add(i);
    }
    int atOnce = Math.max(1, ROWS / samples);
    for (List<Integer> same : byLength.values()) {
      for (int from = 0; from < same.size(); from += atOnce) {
        List<Integer> batch = same.subList(from, Math.min(same.size(), from + atOnce));
        int[][] histories = draw(batch.stream().map(prompts::get).toList(), batch, streams);
        for (int i = 0; i < batch.size(); i++) {
          int at = batch.get(i) * made;
          int[][] own = Arrays.copyOfRange(histories, i * samples, (i + 1) * samples);
          for (int k = 0; k < samples; k++) {
            System.arraycopy(own[k], own[k].length - horizon, tokens, at + k * horizon, horizon);
          }
          int[] drawn = Arrays.copyOfRange(tokens, at, at + made);
          System.arraycopy(scores(own, drawn), 0, logProbs, at, made);
        }
      }
    }
    return new Policy.Continuations(tokens, logProbs);
  }

  /**
   * @param prompts of one length
   * @param numbers indices of the prompts
   * @return prompt and continuation of each row, the K rows of a prompt one after another
   */
  private int[][] draw(
      List<int[]> prompts, List<Integer> numbers, IntFunction<RandomGenerator> streams) {
    int length = prompts.get(0).length;
    int rows = prompts.size() * samples;
    int vocabulary = policy.vocabulary();
    int[][] histories = new int[rows][];
    Arrays.setAll(histories, row -> Arrays.copyOf(prompts.get(row / samples), length + horizon));
    RandomGenerator[] random = new RandomGenerator[prompts.size()];
    Arrays.setAll(random, i -> streams.apply(numbers.get(i)));
    try (KeyValueCache cache = policy.cache(prompts.size(), length + horizon - 1)) {
      float[] logProbs =
          policy.nextLogProbs(
              cache,
              prompts.size(),
              prompts.stream().flatMapToInt(Arrays::stream).asLongStream().toArray());
      cache.repeat(samples);
      for (int h = 0; h < horizon; h++) {
        long[] fresh = new long[rows];
        for (int row = 0; row < rows; row++) {
          double uniform = temperature == 0 ? 0 : random[row / samples].nextDouble();
          int from = (h == 0 ? row / samples : row) * vocabulary;
          int token = token(logProbs, from, uniform, histories[row], length + h);
          histories[row][length + h] = token;
          fresh[row] = token;
        }
        if (h + 1 < horizon) {
          logProbs = policy.nextLogProbs(cache, rows, fresh);
        }
      }
    }
    return histories;
  }

  private int token(float[] logProbs, int from, double uniform, int[] history, int length) {
    Policy.Sampling sampling = new Policy.Sampling(temperature, 0, 1);
    int vocabulary = policy.vocabulary();
    if (TokenSampler.isSure(logProbs, from, vocabulary, temperature, uniform)) {
      return TokenSampler.token(logProbs, from, vocabulary, sampling, uniform);
    }
    long[] state = Arrays.stream(history, 0, length).asLongStream().toArray();
    return TokenSampler.token(
        policy.logProbs(1, state, length - 1), 0, vocabulary, sampling, uniform);
  }

  /** Log-probabilities of the tokens of one prompt's rows, [K·H]. */
  private float[] scores(int[][] histories, int[] drawn) {
    int length = histories[0].length - 1; // the last token is not fed
    long[] inputs =
        Arrays.stream(histories)
            .flatMapToInt(history -> Arrays.stream(history, 0, length))
            .asLongStream()
            .toArray();
    return policy.logProbs(histories.length, inputs, length - horizon, drawn);
  }
}
