package io.avatarl.jobs;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.evaluation.BaselineScores;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * The result of {@code jobs/compare.sh}: a row per preset, with one run or a run per seed.
 *
 * @param seeds seeds of every row's runs, in order; empty: each row is one run with its preset's
 *     seed
 */
record Comparison(List<Long> seeds, List<Row> rows, Map<String, BaselineScores> baselines) {
  static final ObjectMapper JSON =
      new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  private static final double NONE = Double.NaN;

  /**
   * Scores of one run.
   *
   * @param lowestValCe lowest val_ce of the evaluations during training, which use a part of the
   *     split; NaN: there were none
   * @param lowestUpdate the update of {@code lowestValCe}
   * @param number of updates; if the run diverged, those before that, and the final scores are NaN
   */
  record Result(
      String name,
      long seed,
      double valCe,
      double lowestValCe,
      long lowestUpdate,
      double valBitsPerCharacter,
      double valPerplexity,
      double valAccuracy,
      double valCalibrationError,
      double entropy,
      double reward,
      long updates,
      long groups,
      double groupsPerSecond,
      double seconds,
      String weightsSha256) {
    static Result diverged(String name, long seed, long updates) {
      return new Result(
          name, seed, NONE, NONE, 0, NONE, NONE, NONE, NONE, NONE, NONE, updates, 0, NONE, NONE,
          "");
    }
  }

  /**
   * One row of the table.
   *
   * @param results of its runs, at least one
   */
  record Row(String name, List<Result> results) {
    /**
     * Mean over the runs; NaN if one of them lacks the figure, so that none is silently left out.
     */
    double mean(ToDoubleFunction<Result> figure) {
      return results.stream().mapToDouble(figure).sum() / results.size();
    }

    /** Standard deviation of a sample (n − 1); NaN for a single run. */
    double standardDeviation(ToDoubleFunction<Result> figure) {
      double mean = mean(figure);
      double squares = results.stream().mapToDouble(figure).map(x -> (x - mean) * (x - mean)).sum();
      return Math.sqrt(squares / (results.size() - 1));
    }

    private long diverged() {
      return results.stream().filter(r -> Double.isNaN(r.valCe())).count();
    }
  }

  /** A figure with a mean and a spread, under its name in {@code compare.json}. */
  private enum Figure {
    VAL_CE(Result::valCe),
    LOWEST_VAL_CE(Result::lowestValCe),
    VAL_BITS_PER_CHARACTER(Result::valBitsPerCharacter),
    VAL_PERPLEXITY(Result::valPerplexity),
    VAL_ACCURACY(Result::valAccuracy),
    VAL_CALIBRATION_ERROR(Result::valCalibrationError),
    ENTROPY(Result::entropy),
    REWARD(Result::reward),
    UPDATES(Result::updates),
    GROUPS(Result::groups),
    GROUPS_PER_SECOND(Result::groupsPerSecond),
    SECONDS(Result::seconds);

    private final ToDoubleFunction<Result> of;

    Figure(ToDoubleFunction<Result> of) {
      this.of = of;
    }
  }

  /**
   * The rows. With seeds, a row's figures are means, {@code standard_deviation} has the same keys,
   * and {@code runs} holds the figures of each seed.
   */
  ArrayNode json() {
    ArrayNode all = JSON.createArrayNode();
    for (Row row : rows) {
      if (seeds.isEmpty()) {
        all.add(JSON.<ObjectNode>valueToTree(row.results().get(0)));
        continue;
      }
      ObjectNode node = all.addObject().put("name", row.name());
      node.set("seeds", JSON.valueToTree(seeds));
      ObjectNode deviations = JSON.createObjectNode();
      for (Figure figure : Figure.values()) {
        String key = figure.name().toLowerCase(Locale.ROOT);
        node.put(key, row.mean(figure.of));
        deviations.put(key, row.standardDeviation(figure.of));
      }
      node.set("standard_deviation", deviations);
      node.set("runs", JSON.valueToTree(row.results()));
    }
    return all;
  }

  String markdown() {
    StringBuilder table = new StringBuilder();
    if (!seeds.isEmpty()) {
      table.append(
          seeds.size() == 1
              ? "Seed " + seeds.get(0) + ".\n\n"
              : "Mean ± standard deviation (of a sample, n − 1) over the seeds "
                  + seeds.stream().map(String::valueOf).collect(Collectors.joining(", "))
                  + ".\n\n");
    }
    table.append(
        "| preset | val_ce | "
            + (seeds.isEmpty() ? "lowest, at update" : "lowest")
            + " | bits/character | perplexity | accuracy | calibration error | entropy | reward |"
            + " updates | groups | groups/s | seconds |\n"
            + "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    rows.forEach(row -> table.append(line(row)));
    baselines.forEach(
        (name, b) ->
            table.append(
                String.format(
                    Locale.ROOT,
                    "| %s table | %.4f | | %.3f | %.2f | %.1f %% | | | | | | | |%n",
                    name,
                    b.ce(),
                    b.bitsPerCharacter(),
                    Math.exp(b.ce()),
                    100 * b.accuracy())));
    return table.toString();
  }

  private String line(Row row) {
    long diverged = row.diverged();
    if (diverged > 0) {
      return String.format(
          Locale.ROOT,
          "| %s | %s | | | | | | | | %s | | | |%n",
          row.name(),
          seeds.isEmpty() ? "diverged" : diverged + " of " + row.results().size() + " diverged",
          number(row.mean(Figure.UPDATES.of), "%.0f"));
    }
    Result only = row.results().get(0);
    return "| "
        + String.join(
            " | ",
            row.name(),
            spread(row, Figure.VAL_CE, "%.4f", 1),
            seeds.isEmpty() && !Double.isNaN(only.lowestValCe())
                ? String.format(Locale.ROOT, "%.3f, %d", only.lowestValCe(), only.lowestUpdate())
                : spread(row, Figure.LOWEST_VAL_CE, "%.3f", 1),
            spread(row, Figure.VAL_BITS_PER_CHARACTER, "%.3f", 1),
            spread(row, Figure.VAL_PERPLEXITY, "%.2f", 1),
            spread(row, Figure.VAL_ACCURACY, "%.1f", 100) + " %",
            spread(row, Figure.VAL_CALIBRATION_ERROR, "%.3f", 1),
            spread(row, Figure.ENTROPY, "%.3f", 1),
            spread(row, Figure.REWARD, "%.3f", 1),
            number(row.mean(Figure.UPDATES.of), "%.0f"),
            number(row.mean(Figure.GROUPS.of), "%.0f"),
            spread(row, Figure.GROUPS_PER_SECOND, "%.0f", 1),
            spread(row, Figure.SECONDS, "%.0f", 1))
        + " |\n";
  }

  private static String spread(Row row, Figure figure, String format, double scale) {
    String mean = number(scale * row.mean(figure.of), format);
    String deviation = number(scale * row.standardDeviation(figure.of), format);
    return deviation.isEmpty() ? mean : mean + " ± " + deviation;
  }

  private static String number(double x, String format) {
    return Double.isNaN(x) ? "" : String.format(Locale.ROOT, format, x);
  }
}
