package io.avatarl.rollout;

import java.util.Arrays;

/**
 * Draws from positive rates, each draw in a time that grows with the root of their number: sums of
 * blocks say where to look.
 */
final class TokenRace {
  private static final int BLOCK = 256;

  private final double[] rates;
  private final double[] blocks;
  private double total;

  TokenRace(int vocabulary) {
    rates = new double[vocabulary];
    blocks = new double[(vocabulary + BLOCK - 1) / BLOCK];
  }

  /** [V], to be filled before {@link #begin}. */
  double[] rates() {
    return rates;
  }

  void begin() {
    for (int b = 0; b < blocks.length; b++) {
      blocks[b] = sum(b);
    }
    total = Arrays.stream(blocks).sum();
  }

  private double sum(int block) {
    double sum = 0;
    for (int v = block * BLOCK; v < end(block); v++) {
      sum += rates[v];
    }
    return sum;
  }

  private int end(int block) {
    return Math.min(rates.length, (block + 1) * BLOCK);
  }

  /** The sum of the rates. */
  double total() {
    return total;
  }

  /**
   * The token at whose rates the sum of all up to it passes {@code x}; never one of rate 0 where
   * another is there.
   *
   * @param x in [0, total)
   */
  int at(double x) {
    double rest = x;
    for (int b = 0; b < blocks.length; b++) {
      if (rest < blocks[b]) {
        return within(b, rest);
      }
      rest -= blocks[b];
    }
    return last(rates.length); // rounding went past the end
  }

  private int within(int block, double x) {
    double rest = x;
    for (int v = block * BLOCK; v < end(block); v++) {
      rest -= rates[v];
      if (rest < 0) {
        return v;
      }
    }
    return last(end(block));
  }

  /** The last token of a positive rate before {@code end}; 0 where there is none. */
  private int last(int end) {
    int v = end - 1;
    while (v > 0 && rates[v] == 0) {
      v--;
    }
    return v;
  }

  /** Takes a token out; sums are made anew, so that what is left loses nothing by cancellation. */
  void remove(int token) {
    rates[token] = 0;
    blocks[token / BLOCK] = sum(token / BLOCK);
    total = Arrays.stream(blocks).sum();
  }
}
