package io.avatarl.train;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.GeneratedPlay;
import io.avatarl.files.Storage;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.yardstick.NgramBaselines;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Runs small enough for tests: a second each on a generated play. */
public final class TinyTraining {
  /** A preset: six steps of two updates, a checkpoint after every second one. */
  public static final String PRESET =
      """
      steps = 6
      model { layers = 2, heads = 2, width = 16, context = 16 }
      rollout { shards = 3, windowsPerUpdate = 4 }
      learner { updatesPerStep = 2, optimizer { learningRate = 1e-2, warmup = 4 } }
      evaluation { every = 3, windows = 8 }
      checkpoint { every = 2, keep = 3 }
      sample { count = 1, tokens = 20 }
      """;

  private static final ObjectMapper JSON = new ObjectMapper();

  private TinyTraining() {}

  /** Spark on this machine, without what tests do not look at. */
  public static SparkSession spark(String master, Map<String, String> settings) {
    SparkSession.Builder builder =
        SparkSession.builder()
            .master(master)
            .appName("test")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.executor.defaultJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
            .config("spark.sql.shuffle.partitions", "1");
    settings.forEach(builder::config);
    return builder.getOrCreate();
  }

  /** Of this JVM's sessions. */
  public static String warehouse() {
    return Path.of("target", "warehouse-" + ProcessHandle.current().pid()).toUri().toString();
  }

  /** Writes a corpus of some thousand characters. */
  public static Path corpus(Path folder) throws IOException {
    return Files.writeString(folder.resolve("play.txt"), GeneratedPlay.write(7, 20_000), US_ASCII);
  }

  /** WindowBatch as text, in an order that does not depend on who wrote them. */
  public static List<String> sorted(Dataset<Row> rows) {
    return rows.toJSON().collectAsList().stream().sorted().toList();
  }

  public static Storage storage() {
    return new Storage(new Configuration());
  }

  static Trainer training(
      Path corpus, Path run, boolean resume, TrainingListener listener, String... overrides) {
    List<String> all = new ArrayList<>(List.of(overrides));
    all.add("corpus.path=" + corpus);
    TrainingConfig config = ConfigReader.read("trial", PRESET, all);
    CorpusSource corpora = new CorpusSource(storage(), run.toString(), Map.of());
    return new Trainer(
        storage(), config, corpora, run.toString(), resume, listener, NgramBaselines::of);
  }

  /** A whole run. */
  static Summary train(SparkSession spark, Path corpus, Path run, String... overrides) {
    return training(corpus, run, false, new TrainingListener() {}, overrides)
        .run(spark)
        .orElseThrow();
  }

  /** A run that is stopped during a step, as by a signal. */
  static Optional<Summary> trainUntil(
      long step, SparkSession spark, Path corpus, Path run, String... overrides) {
    Trainer[] training = new Trainer[1];
    TrainingListener stopper =
        new TrainingListener() {
          @Override
          public void stepped(long done, RolloutStatistics rollouts, UpdateMetrics lastUpdate) {
            if (done == step) {
              training[0].stop();
            }
          }
        };
    training[0] = training(corpus, run, false, stopper, overrides);
    return training[0].run(spark);
  }

  /** Goes on with a run; its warnings are added to {@code warnings}. */
  static Summary resume(
      SparkSession spark, Path corpus, Path run, List<String> warnings, String... overrides) {
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void warned(String warning) {
            warnings.add(warning);
          }
        };
    return training(corpus, run, true, listener, overrides).run(spark).orElseThrow();
  }

  static Summary resume(SparkSession spark, Path corpus, Path run, String... overrides) {
    return training(corpus, run, true, new TrainingListener() {}, overrides)
        .run(spark)
        .orElseThrow();
  }

  /** A run's records in order, without what a clock said. */
  static List<JsonNode> metrics(Path run) {
    List<JsonNode> records = new ArrayList<>();
    try (var files = Files.list(run.resolve("metrics"))) {
      for (Path file : files.sorted().toList()) {
        for (String line : Files.readAllLines(file)) {
          ObjectNode record = (ObjectNode) JSON.readTree(line);
          record.remove("seconds");
          records.add(record);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return records;
  }

  static JsonNode json(Path file) throws IOException {
    return JSON.readTree(Files.readAllBytes(file));
  }
}
