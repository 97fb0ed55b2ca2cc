package io.avatarl.model;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/** Draws one token from log-probabilities. */
final class Draw {
  private Draw() {}

  /**
   * Draws from logProbs[from, from + vocabulary).
   *
   * @param sampling temperature 0: the most probable token, and no random number is used
   */
  static int token(
      float[] logProbs,
      int from,
      int vocabulary,
      Policy.Sampling sampling,
      RandomGenerator random) {
    int best = 0;
    for (int v = 1; v < vocabulary; v++) {
      if (logProbs[from + v] > logProbs[from + best]) {
        best = v;
      }
    }
    if (sampling.temperature() == 0) {
      return best;
    }
    double[] probabilities = new double[vocabulary];
    for (int v = 0; v < vocabulary; v++) {
      probabilities[v] =
          Math.exp((logProbs[from + v] - logProbs[from + best]) / sampling.temperature());
    }
    if (sampling.topK() > 0 || sampling.topP() < 1) {
      truncate(probabilities, sampling);
    }
    double x = random.nextDouble() * Arrays.stream(probabilities).sum();
    int token = 0;
    int last = best;
    for (; token < vocabulary; token++) {
      if (probabilities[token] > 0) {
        last = token;
        x -= probabilities[token];
        if (x < 0) {
          return token;
        }
      }
    }
    return last;
  }

  /** Sets to 0 what is not among the top tokens. */
  private static void truncate(double[] probabilities, Policy.Sampling sampling) {
    double[] sorted = probabilities.clone();
    Arrays.sort(sorted);
    int kept = sampling.topK() > 0 ? Math.min(sampling.topK(), sorted.length) : sorted.length;
    double total = Arrays.stream(sorted).sum();
    double sum = 0;
    int nucleus = 0;
    while (nucleus < kept && sum < sampling.topP() * total) {
      sum += sorted[sorted.length - 1 - nucleus];
      nucleus++;
    }
    double least = sorted[sorted.length - Math.max(1, nucleus)];
    for (int v = 0; v < probabilities.length; v++) {
      if (probabilities[v] < least) {
        probabilities[v] = 0;
      }
    }
  }
}
