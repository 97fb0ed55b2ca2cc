package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.files.Storage;
import io.avatarl.model.Policy;
import io.avatarl.model.SavedModel;
import io.avatarl.spark.Rollouts;
import io.avatarl.train.FinishedRun;
import io.avatarl.train.Runs;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Figures that are shown (console, evaluate.sh, metrics, views, report, MLflow), against
 * computations that share no code with what shows them: SQL over a table that keeps every action,
 * and a plain loop over the validation split. {@code CompareJobTest} holds what is compared to the
 * same records.
 */
class FiguresTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String NUMBER = "([\\d.,]+)";

  @TempDir static Path folder;
  private static SparkSession spark;
  private static Path corpus;
  private static Path run;
  private static CommandResult trained;
  private static JsonNode summary;
  private static final List<JsonNode> batches = Collections.synchronizedList(new ArrayList<>());
  private static HttpServer mlflow;

  @BeforeAll
  static void train() throws IOException {
    mlflow = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    mlflow.createContext("/", FiguresTest::answer);
    mlflow.start();
    spark = FinishedRun.spark();
    corpus = TinyTraining.corpus(folder);
    run = folder.resolve("run");
    Path preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    trained =
        CommandResult.train(
                "--preset",
                preset.toString(),
                "--corpus",
                corpus.toString(),
                "--out",
                run.toString(),
                "--set",
                "tracking.uri=http://127.0.0.1:" + mlflow.getAddress().getPort(),
                "--set",
                "rolloutTable.every=1",
                "--set",
                "rolloutTable.windows=0",
                "--set",
                "rolloutTable.topActions=0",
                "--set",
                "rollout.exploration=exhaustive")
            .succeeds();
    summary = JSON.readTree(run.resolve("summary.json").toFile());
  }

  @AfterAll
  static void stop() {
    spark.stop();
    mlflow.stop(0);
  }

  private static void answer(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    if (exchange.getRequestURI().getPath().endsWith("log-batch")) {
      batches.add(JSON.readTree(body));
    }
    byte[] answer =
        """
        {"experiment": {"experiment_id": "1"},
          "run": {"info": {"run_id": "r", "artifact_uri": "mlflow-artifacts:/1/r/artifacts"}}}
        """
            .getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, answer.length);
    exchange.getResponseBody().write(answer);
    exchange.close();
  }

  /** What the run's metrics files hold. */
  private static List<JsonNode> records() throws IOException {
    List<JsonNode> records = new ArrayList<>();
    try (var files = Files.list(run.resolve("metrics"))) {
      for (Path file : files.toList()) {
        for (String line : Files.readAllLines(file)) {
          records.add(JSON.readTree(line));
        }
      }
    }
    return records;
  }

  /** Update records by step; all of a step have the same figures of its rollouts. */
  private static Map<Long, JsonNode> updates() throws IOException {
    Map<Long, JsonNode> updates = new HashMap<>();
    for (JsonNode record : records()) {
      if (record.path("kind").asText().equals("update")) {
        updates.put(record.path("step").asLong(), record);
      }
    }
    return updates;
  }

  @Test
  void metricsViewsAndReportAreWhatTheTableHolds() throws IOException {
    spark.read().parquet(run.resolve("rollouts").toString()).createOrReplaceTempView("raw");
    List<Row> steps =
        spark
            .sql(
                """
                SELECT CAST(step AS long), avg(entropy), avg(reward), avg(hit), avg(confidence),
                  exp(-avg(gold)), avg(silent)
                FROM (
                  SELECT step, group_id, -sum(exp(logprob) * logprob) AS entropy,
                    sum(weight * reward) AS reward,
                    CAST(max_by(is_gold, logprob) AS int) AS hit, exp(max(logprob)) AS confidence,
                    max(CASE WHEN is_gold THEN logprob END) AS gold,
                    CAST(bool_and(advantage = 0) AS int) AS silent
                  FROM raw GROUP BY step, group_id)
                GROUP BY step
                """)
            .collectAsList();
    Map<Long, JsonNode> updates = updates();
    assertEquals(6, steps.size());
    Rollouts.registerViews(spark, run.toString());
    Map<Long, Row> progress = new HashMap<>();
    spark
        .sql("SELECT step, entropy, mean_reward, accuracy FROM progress")
        .collectAsList()
        .forEach(row -> progress.put(row.getLong(0), row));
    CommandResult.report(run.toString()).succeeds();
    JsonNode report =
        ReportPage.data(TinyTraining.storage(), List.of(run.toString())).at("/runs/0/updates");
    for (Row step : steps) {
      JsonNode record = updates.get(step.getLong(0));
      String[] names = {"entropy", "reward", "accuracy", "confidence", "perplexity", "degenerate"};
      for (int i = 0; i < names.length; i++) {
        double expected = step.getDouble(i + 1);
        assertEquals(expected, record.path(names[i]).asDouble(), 1e-4 * (1 + expected), names[i]);
        if (report.has(names[i])) {
          double shown = report.path(names[i]).get((int) step.getLong(0) - 1).asDouble();
          assertEquals(expected, shown, 1e-4 * (1 + expected), names[i]);
        }
      }
      Row shown = progress.get(step.getLong(0));
      assertEquals(step.getDouble(1), shown.getDouble(1), 1e-4);
      assertEquals(step.getDouble(2), shown.getDouble(2), 1e-5);
      assertEquals(step.getDouble(3), shown.getDouble(3), 1e-9);
    }
    // The summary's are those of the last step.
    assertEquals(updates.get(6L).path("entropy"), summary.path("entropy"));
    assertEquals(updates.get(6L).path("reward"), summary.path("reward"));
  }

  /** Every number of every update and evaluation, and of the summary, at its update. */
  @Test
  void mlflowHasTheNumbersOfTheRunsFiles() throws IOException {
    Set<String> expected = new TreeSet<>();
    for (JsonNode record : records()) {
      addNumbers(expected, "", record, record.path("update").asLong());
    }
    addNumbers(expected, "summary/", summary, 12);
    Set<String> sent = new TreeSet<>();
    for (JsonNode batch : batches) {
      for (JsonNode metric : batch.path("metrics")) {
        String key = metric.path("key").asText();
        sent.add(named(key, metric.path("step").asLong(), metric.path("value").asDouble()));
      }
    }
    assertThat(sent).isEqualTo(expected).hasSizeGreaterThan(200);
  }

  private static void addNumbers(Set<String> numbers, String prefix, JsonNode record, long update) {
    record
        .properties()
        .forEach(
            field -> {
              if (field.getValue().isNumber() && !field.getKey().equals("update")) {
                numbers.add(named(prefix + field.getKey(), update, field.getValue().asDouble()));
              }
            });
  }

  private static String named(String key, long update, double value) {
    return key + " at " + update + ": " + value;
  }

  /** By one window after the other, each with its targets alone. */
  @Test
  void theFinalFiguresAreThoseOfAPlainLoop() throws IOException {
    Storage storage = TinyTraining.storage();
    TrainingConfig config = Runs.config(storage, run.toString());
    Corpus text =
        Corpus.of("play", Files.readAllBytes(corpus), config.corpus().validationFraction());
    int[] tokens = text.validation();
    int context = config.model().context();
    double nats = 0;
    int hits = 0;
    int count = 0;
    SavedModel model = SavedModel.load(storage, run.toString());
    int vocabulary = model.tokenizer().vocabularySize();
    try (Policy policy = new Policy(model.config(), model.parameters())) {
      for (int start = 0; start + 1 < tokens.length; start += context) {
        int length = Math.min(context, tokens.length - 1 - start);
        float[] logProbs =
            policy.logProbs(
                1, IntStream.range(start, start + length).mapToLong(i -> tokens[i]).toArray());
        for (int t = 0; t < length; t++) {
          int gold = tokens[start + t + 1];
          int best = 0;
          for (int v = 1; v < vocabulary; v++) {
            best = logProbs[t * vocabulary + v] > logProbs[t * vocabulary + best] ? v : best;
          }
          nats -= logProbs[t * vocabulary + gold];
          hits += best == gold ? 1 : 0;
          count++;
        }
      }
    }
    double ce = nats / count;
    assertEquals(count, summary.path("val_positions").asInt());
    assertEquals(ce, summary.path("val_ce").asDouble(), 1e-5);
    assertEquals(Math.exp(ce), summary.path("val_perplexity").asDouble(), 1e-3);
    // A token is a character.
    double bits = ce / Math.log(2);
    assertEquals(bits, summary.path("val_bits_per_character").asDouble(), 1e-5);
    double accuracy = (double) hits / count;
    assertEquals(accuracy, summary.path("val_accuracy").asDouble(), 1e-9);

    // What is printed, by training and by evaluate.sh.
    CommandResult evaluated = CommandResult.evaluate(run.toString()).succeeds();
    assertPrinted(trained.out(), "this run", ce, bits, accuracy);
    assertPrinted(evaluated.out(), "step 6", ce, bits, accuracy);
    assertEquals(ce, number(evaluated.out(), "val_ce +" + NUMBER), 1e-5);
    assertEquals(bits, number(evaluated.out(), "val_bits_per_character +" + NUMBER), 1e-5);
    assertEquals(accuracy, number(evaluated.out(), "val_accuracy +" + NUMBER), 1e-6);
    double sliding = summary.path("val_ce_sliding").asDouble();
    assertEquals(sliding, number(evaluated.out(), "val_ce_sliding +" + NUMBER), 1e-6);
    assertEquals(sliding, number(trained.out(), "val_ce_sliding +" + NUMBER), 1e-4);
  }

  @Test
  void countsAndSpeedAreThoseOfTheRecords() throws IOException {
    // Six steps of two updates with four windows of 16 states, each with every character.
    int groups = 6 * 2 * 4 * 16;
    long vocabulary =
        SavedModel.load(TinyTraining.storage(), run.toString()).tokenizer().vocabularySize();
    assertEquals(groups, summary.path("groups").asInt());
    assertEquals(groups * vocabulary, summary.path("rollouts").asLong());
    assertEquals(12, summary.path("updates").asInt());
    double seconds = summary.path("train_seconds").asDouble();
    assertEquals(groups / seconds, summary.path("groups_per_second").asDouble(), 1e-6 * groups);
    String line = "trained +12 updates in " + NUMBER + " s \\(" + NUMBER + " groups/s\\)";
    assertEquals(seconds, number(trained.out(), line), 0.06);
    Matcher matcher = Pattern.compile(line).matcher(trained.out());
    assertTrue(matcher.find());
    assertEquals(groups / seconds, Double.parseDouble(matcher.group(2).replace(",", "")), 1);
    String unigrams =
        String.format(Locale.ROOT, "%.4f", summary.at("/baselines/bigram/ce").asDouble());
    assertThat(trained.out()).contains(unigrams);
  }

  /** Nobody named a prompt: the samples' own is shown before them. */
  @Test
  void aReportKnowsThePromptThatNobodySet() {
    JsonNode shown = ReportPage.data(TinyTraining.storage(), List.of(run.toString())).at("/runs/0");
    assertEquals("", Runs.config(TinyTraining.storage(), run.toString()).sample().prompt());
    assertEquals("\n", shown.path("prompt").asText());
    assertEquals(1, shown.path("samples").size());
  }

  private static double number(String text, String pattern) {
    Matcher matcher = Pattern.compile("(?m)^" + pattern).matcher(text);
    assertTrue(matcher.find(), pattern + " in " + text);
    return Double.parseDouble(matcher.group(1).replace(",", ""));
  }

  private static void assertPrinted(
      String text, String name, double ce, double bits, double accuracy) {
    Matcher row =
        Pattern.compile("(?m)^" + name + " +([\\d.]+) +([\\d.]+) +([\\d.]+) +([\\d.]+)%")
            .matcher(text);
    assertTrue(row.find(), text);
    assertEquals(ce, Double.parseDouble(row.group(1)), 6e-5);
    assertEquals(bits, Double.parseDouble(row.group(2)), 6e-5);
    assertEquals(Math.exp(ce), Double.parseDouble(row.group(3)), 6e-3);
    assertEquals(100 * accuracy, Double.parseDouble(row.group(4)), 6e-2);
  }
}
