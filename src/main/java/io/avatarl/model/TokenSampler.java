package io.avatarl.model;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/** Draws one token from log-probabilities. */
final class TokenSampler {
  /**
   * Bound, in nats, on how much a state's log-probabilities differ between batches of different
   * size. Float32 kernels that sum in another order differ by about 5e-6 (measured on models of 2
   * to 4 layers).
   */
  static final double ROUNDING = 2e-5;

  private TokenSampler() {}

  /**
   * Draws from logProbs[from, from + vocabulary).
   *
   * @param sampling with temperature 0, the most probable token, without using a random number
   */
  static int token(
      float[] logProbs,
      int from,
      int vocabulary,
      Policy.Sampling sampling,
      RandomGenerator random) {
    return token(
        logProbs,
        from,
        vocabulary,
        sampling,
        sampling.temperature() == 0 ? 0 : random.nextDouble());
  }

  /**
   * Draws with a given random number.
   *
   * @param uniform in [0, 1)
   */
  static int token(
      float[] logProbs, int from, int vocabulary, Policy.Sampling sampling, double uniform) {
    int best = best(logProbs, from, vocabulary);
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
    double x = uniform * Arrays.stream(probabilities).sum();
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

  /**
   * Whether {@link #token} draws the same token from any log-probabilities within {@link #ROUNDING}
   * of these.
   */
  static boolean isSure(
      float[] logProbs, int from, int vocabulary, double temperature, double uniform) {
    int best = best(logProbs, from, vocabulary);
    if (temperature == 0) {
      int close = 0;
      for (int v = 0; v < vocabulary; v++) {
        close += logProbs[from + best] - logProbs[from + v] <= 2 * ROUNDING ? 1 : 0;
      }
      return close == 1;
    }
    // Each boundary between two tokens is a cumulative probability P. It moves by less than 2 P (1
    // − P) e, where e is the change of the scaled log-probabilities.
    double[] sums = new double[vocabulary];
    double sum = 0;
    for (int v = 0; v < vocabulary; v++) {
      sum += Math.exp((logProbs[from + v] - logProbs[from + best]) / temperature);
      sums[v] = sum;
    }
    for (int v = 0; v < vocabulary - 1; v++) {
      double boundary = sums[v] / sum;
      double shift = 2 * boundary * (1 - boundary) * ROUNDING / temperature + 1e-12;
      if (Math.abs(uniform - boundary) <= shift) {
        return false;
      }
    }
    return true;
  }

  private static int best(float[] logProbs, int from, int vocabulary) {
    int best = 0;
    for (int v = 1; v < vocabulary; v++) {
      if (logProbs[from + v] > logProbs[from + best]) {
        best = v;
      }
    }
    return best;
  }

  /** Sets the probability of all but the top tokens to 0. */
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
