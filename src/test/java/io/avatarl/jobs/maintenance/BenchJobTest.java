package io.avatarl.jobs.maintenance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.bench.Bench;
import io.avatarl.bench.Benchmark;
import io.avatarl.bench.InterleavedRunner;
import io.avatarl.bench.Python;
import io.avatarl.bench.Results;
import io.avatarl.bench.Spread;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.files.Storage;
import io.avatarl.jobs.CommandResult;
import io.avatarl.jobs.Job;
import io.avatarl.jobs.NgramsJob;
import io.avatarl.jobs.PolicyTrainer;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.spark.corpus.CorpusProgress;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bench on a toy model, with every measured process inside this JVM. */
class BenchJobTest {
  private static final int ROUNDS = 2;

  @TempDir static Path folder;
  private static SparkSession spark;
  private static Function<List<String>, TrainingConfig> configs;
  private static Corpus corpus;
  private static final List<String> masters = new ArrayList<>();

  @BeforeAll
  static void prepare() throws IOException {
    spark = TinyTraining.spark("local[2]", Map.of());
    Path play = TinyTraining.corpus(folder);
    configs =
        overrides -> {
          List<String> all = new ArrayList<>(List.of("corpus.path=" + play));
          all.addAll(overrides);
          return ConfigReader.read("trial", TinyTraining.PRESET, all);
        };
    TrainingConfig config = configs.apply(List.of());
    corpus = Corpus.of("play", Files.readAllBytes(play), config.corpus());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Bench bench(Python python) {
    return bench(python, List.of());
  }

  private static Bench bench(Python python, List<String> tokens) {
    Bench.Launch launch =
        new Bench.Launch() {
          @Override
          public Benchmark training(String master, List<String> overrides, Path log) {
            masters.add(master);
            List<String> all = new ArrayList<>(overrides);
            all.add("steps=1000000");
            Storage storage = new Storage(new Configuration());
            return BenchJob.training(
                storage,
                new Job.Session(spark, false),
                configs.apply(all),
                folder.resolve(log.getFileName() + "-run"));
          }

          @Override
          public Benchmark frames(String master, List<String> overrides, String reward, Path log)
              throws IOException {
            masters.add(master);
            Map<String, Object> settings = new HashMap<>();
            Path preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
            settings.put("preset", preset.toString());
            settings.put("corpus", folder.resolve("play.txt").toString());
            overrides.forEach(
                override -> {
                  String[] keyAndValue = override.split("=", 2);
                  settings.put(keyAndValue[0], keyAndValue[1]);
                });
            return DataFrameLoop.benchmark(
                spark,
                configs.apply(overrides),
                corpus,
                PolicyTrainer.initial(spark, settings),
                reward);
          }

          @Override
          public JsonNode ngrams(int megabytes, int merges, Path out) throws IOException {
            Path json = out.resolve("timings.json");
            if (Files.exists(json)) {
              return new ObjectMapper().readTree(Files.readAllBytes(json));
            }
            int code =
                Job.run(
                    new NgramsJob(),
                    new PrintStream(PrintStream.nullOutputStream()),
                    System.err,
                    "--corpus",
                    folder.resolve("play.txt").toString(),
                    "--bpe",
                    "20",
                    "--json",
                    json.toString());
            assertEquals(0, code);
            return new ObjectMapper().readTree(Files.readAllBytes(json));
          }
        };
    return new Bench(
        configs,
        corpus,
        launch,
        python,
        python,
        tokens,
        folder,
        new InterleavedRunner(ROUNDS, 0.01, 0.01),
        !tokens.isEmpty(),
        line -> {});
  }

  private static Object cell(Results.Section table, String row, String column) {
    int at = table.columns().indexOf(column);
    return table.rows().stream()
        .filter(cells -> cells.get(0).equals(row))
        .findFirst()
        .orElseThrow(() -> new AssertionError(row + " is not in " + table.rows()))
        .get(at);
  }

  private static Spread positive(Results.Section table, String row, String column) {
    Spread spread = (Spread) cell(table, row, column);
    assertEquals(ROUNDS, spread.values().size());
    assertTrue(spread.min() > 0 && Double.isFinite(spread.max()), () -> row + " " + spread);
    return spread;
  }

  @Test
  void aStepInDataFramesNextToTheFastLoop() throws IOException {
    Results.Section table = bench(Python.none("not needed"), List.of("quick")).frames();
    assertEquals(1, table.rows().size());
    for (String column : List.of("fast loop", "DataFrames", "DataFrames / fast loop")) {
      positive(table, "248", column);
    }
  }

  @Test
  void theWholeJobNextToItsYardsticks() throws IOException {
    masters.clear();
    // The two that are not this JVM's: PyTorch where a machine has it.
    Python python = Python.find(System.getenv("AVATARL_PYTHON"), "python3");
    List<Results.Section> tables = bench(python).step();
    assertEquals(
        List.of(
            "local[1]",
            "local[2]",
            "local[2]",
            "local-cluster[2,1,1024]",
            "local-cluster[2,1,1024]"),
        masters);
    Results.Section speed = tables.get(0);
    for (String row :
        List.of(
            "bare learner",
            "bare learner, one thread",
            "whole job, local[1]",
            "whole job, local[2]",
            "whole job, local[2] executors learn",
            "whole job, local-cluster",
            "whole job, local-cluster executors learn",
            "plain DJL loop",
            "one forward per action",
            "one window per action")) {
      positive(speed, row, "groups/s");
    }
    if (python.path().isEmpty()) {
      assertEquals(python.missing(), cell(speed, "PyTorch eager", "remark"));
    } else {
      positive(speed, "PyTorch eager", "groups/s");
    }
    Results.Section stages = tables.get(1);
    double wall = positive(stages, "wall ms", "local[2]").max();
    Spread learn = positive(stages, "learn ms", "local[2]");
    assertTrue(learn.max() < wall, () -> learn + " of " + wall);
    // 8 windows of 16 states: inputs, and weights, log-probabilities and advantages of all V
    // actions; then the weights of the model, with the gaps of their layout.
    int v = corpus.tokenizer().vocabularySize();
    double shards = 4.0 * (8 * 16 + 3 * 8 * 16 * v);
    double bytes = positive(stages, "bytes moved", "local[2]").median();
    int parameters = v * 16 + 2 * 12 * 16 * 16;
    assertTrue(
        bytes >= shards + 4 * parameters && bytes < shards + 4 * (parameters + 1000),
        () -> bytes + " for shards of " + shards);
    Results.Section ratios = tables.get(2);
    for (List<Object> row : ratios.rows()) {
      if (!row.get(0).toString().contains("PyTorch")) {
        positive(ratios, row.get(0).toString(), "value");
      }
    }
    assertEquals(
        "≤ 1.42",
        cell(ratios, "time per token: whole job, local[2] / cross-entropy, own learner", "target"));
  }

  @Test
  void generationAndText() throws IOException {
    Python none = Python.none("none here");
    List<Results.Section> generation = bench(none).generation();
    assertEquals(4, generation.get(0).rows().size());
    assertTrue(generation.get(0).rows().get(1).get(5).toString().endsWith("4 × 8; none here"));
    Results.Section learning = generation.get(1);
    positive(learning, "policy update on continuations", "tokens/s");
    positive(
        learning, "policy update on continuations", "time per token / cross-entropy, own learner");
    Results.Section text = bench(none).text();
    assertEquals(
        List.of("looked at", "BPE learnt", "tokenized", "counted"),
        text.rows().subList(0, 4).stream().map(row -> row.get(0)).toList());
    assertEquals(0.02, (double) text.rows().get(0).get(1), 1e-9);
  }

  @Test
  void tokenizingAndTrainingFromTokens() throws IOException {
    String tokens = folder.resolve("tokens").toString();
    new CorpusLoader(
            TinyTraining.storage(),
            new CorpusSource(TinyTraining.storage(), folder.toString(), Map.of()),
            () -> spark,
            CorpusProgress.NONE)
        .tokenize(configs.apply(List.of()).corpus(), tokens);
    Python python = Python.findTokenizers(System.getenv("AVATARL_PYTHON"), "python3");
    List<Results.Section> tables = bench(python, List.of(tokens)).corpora();
    Results.Section tokenizing = tables.get(0);
    positive(tokenizing, "characters", "MB/s");
    positive(tokenizing, "BPE", "CPU MB/s");
    String batch = "Hugging Face's encode_batch";
    if (python.path().isEmpty()) {
      assertEquals(python.missing(), cell(tokenizing, batch, "remark"));
    } else {
      positive(tokenizing, batch, "CPU MB/s");
      positive(tokenizing, "BPE", "CPU speed / " + batch);
    }
    positive(tables.get(1), "local[2], memory", "groups/s");
    positive(tables.get(1), "local[2], " + tokens, "rate / memory");
  }

  @Test
  void theVocabularyDoesNotTravel() {
    Results.Section table = bench(Python.none("none here")).byVocabulary();
    assertEquals(4, table.rows().size());
    for (String vocabulary : List.of("65", "1024", "8192", "50257")) {
      positive(table, vocabulary, "µs/group");
      // Actions, weights, log-probabilities and advantages of 16 tokens, and the state's own.
      assertEquals(4 * (4 * 16 + 1L), cell(table, vocabulary, "bytes/group to the driver"));
    }
  }

  @Test
  void wrongInput() {
    bench("--rounds", "0").refuses("--rounds and --seconds must be above 0");
    bench("--only", "everything").refuses("everything");
    bench("--against", folder.resolve("none.json").toString()).refuses("cannot be read");
    bench("--against", "pom.xml").refuses("cannot be read as a bench.json");
  }

  private static CommandResult bench(String... arguments) {
    return CommandResult.of(BenchJob::new, arguments);
  }
}
