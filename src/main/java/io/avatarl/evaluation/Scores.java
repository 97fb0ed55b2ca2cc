package io.avatarl.evaluation;

import java.io.Serializable;

/**
 * How well log-probabilities predict the gold tokens, as sums over positions that can be added.
 * Cross-entropy is measured here, but no training uses it.
 */
public final class Scores implements Serializable {
  private static final int BINS = 10;

  private long positions;
  private long characters;
  private double crossEntropy;
  private long hits;
  private final long[] binPositions = new long[BINS];
  private final double[] binConfidence = new double[BINS];
  private final long[] binHits = new long[BINS];

  /**
   * Counts one position.
   *
   * @param logProbs log-probabilities of all tokens at [from, from + vocabulary)
   * @param gold the token that followed
   * @param characters number of characters that begin in the gold token
   */
  public void add(float[] logProbs, int from, int vocabulary, int gold, int characters) {
    int best = 0;
    for (int v = 1; v < vocabulary; v++) {
      if (logProbs[from + v] > logProbs[from + best]) {
        best = v;
      }
    }
    double confidence = Math.exp(logProbs[from + best]);
    int bin = Math.min(BINS - 1, (int) (confidence * BINS));
    int hit = best == gold ? 1 : 0;
    positions++;
    this.characters += characters;
    crossEntropy -= logProbs[from + gold];
    hits += hit;
    binPositions[bin]++;
    binConfidence[bin] += confidence;
    binHits[bin] += hit;
  }

  /** Adds the positions of another. */
  public void add(Scores other) {
    positions += other.positions;
    characters += other.characters;
    crossEntropy += other.crossEntropy;
    hits += other.hits;
    for (int i = 0; i < BINS; i++) {
      binPositions[i] += other.binPositions[i];
      binConfidence[i] += other.binConfidence[i];
      binHits[i] += other.binHits[i];
    }
  }

  public long positions() {
    return positions;
  }

  /** Nats per token. */
  public double crossEntropy() {
    return crossEntropy / positions;
  }

  /** Bits per character of the scored text, comparable between tokenizers. */
  public double bitsPerCharacter() {
    return bitsPerCharacter(crossEntropy(), positions, characters);
  }

  /**
   * Converts cross-entropy to bits per character: nats per token × tokens / (characters × ln 2).
   *
   * @param crossEntropy nats per token
   * @param tokens number of tokens scored
   * @param characters number of characters in the scored tokens
   */
  public static double bitsPerCharacter(double crossEntropy, long tokens, long characters) {
    return crossEntropy * tokens / (characters * Math.log(2));
  }

  /** e to the cross-entropy. */
  public double perplexity() {
    return Math.exp(crossEntropy());
  }

  /** Share of positions whose most probable token is the gold one. */
  public double accuracy() {
    return (double) hits / positions;
  }

  /**
   * Expected calibration error over ten equal bins of the top token's probability: Σ n_b/n ·
   * |accuracy_b − confidence_b| (Guo et al. 2017, arXiv 1706.04599, equation 3).
   */
  public double calibrationError() {
    double error = 0;
    for (int i = 0; i < BINS; i++) {
      error += Math.abs(binHits[i] - binConfidence[i]);
    }
    return error / positions;
  }
}
