package io.avatarl.jobs;

import io.avatarl.evaluation.BaselineScores;
import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;

/** The table of a model's validation scores, below those of the n-gram models. */
final class ScoreTable {
  private ScoreTable() {}

  static void print(
      PrintStream out,
      Map<String, BaselineScores> baselines,
      String name,
      double crossEntropy,
      double bitsPerCharacter,
      double accuracy) {
    out.printf(
        Locale.ROOT,
        "%-12s %10s %14s %11s %9s%n",
        "validation",
        "nats/token",
        "bits/character",
        "perplexity",
        "accuracy");
    baselines.forEach(
        (baseline, b) -> row(out, baseline, b.ce(), b.bitsPerCharacter(), b.accuracy()));
    row(out, name, crossEntropy, bitsPerCharacter, accuracy);
  }

  private static void row(
      PrintStream out, String name, double crossEntropy, double bitsPerCharacter, double accuracy) {
    out.printf(
        Locale.ROOT,
        "%-12s %10.4f %14.4f %11.2f %8.1f%%%n",
        name,
        crossEntropy,
        bitsPerCharacter,
        Math.exp(crossEntropy),
        100 * accuracy);
  }
}
