package io.avatarl.jobs;

import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.spark.Rollouts;
import io.avatarl.train.Runs;
import io.avatarl.train.Summary;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rollouts that are drawn into a table, scored some day, and learned from later. */
class StoredRolloutsTest {
  private static final String VOWELS = "length(regexp_replace(continuation, '[^aeiou]', '')) / 6";

  @TempDir static Path folder;
  private static SparkSession spark;
  private static Path corpus;
  private static String run;
  private static Path prompts;

  @BeforeAll
  static void trainARun() throws IOException {
    spark = TinyTraining.spark("local[2]", Map.of());
    corpus = TinyTraining.corpus(folder);
    run = folder.resolve("first").toString();
    Path preset = Files.writeString(folder.resolve("tiny.conf"), TinyTraining.PRESET);
    CommandResult.train("--preset", preset.toString(), "--corpus", corpus.toString(), "--out", run)
        .succeeds();
    prompts =
        Files.writeString(folder.resolve("prompts.txt"), "the \nand th\nI h\n\nwe\nhis h\nto be\n");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static CommandResult generate(String... more) {
    List<String> all = new ArrayList<>(List.of(run, "--prompts", prompts.toString()));
    all.addAll(List.of(more));
    return CommandResult.of((out, err) -> new GenerateJob(out), all.toArray(String[]::new));
  }

  private static CommandResult learn(String table, String out, String... more) {
    List<String> all = new ArrayList<>();
    all.addAll(List.of("--preset", folder.resolve("tiny.conf").toString()));
    all.addAll(List.of("--corpus", corpus.toString(), "--rollouts", table));
    all.addAll(List.of("--out", folder.resolve(out).toString()));
    for (String set :
        List.of(
            "init.run=" + run,
            "advantage.estimator=grpo",
            "learner.optimizer.learningRate=3e-3",
            "learner.optimizer.warmup=0",
            "learner.optimizer.schedule=constant")) {
      all.addAll(List.of("--set", set));
    }
    all.addAll(List.of(more));
    return CommandResult.train(all.toArray(String[]::new));
  }

  private static String drawn(String name, String... more) {
    String table = folder.resolve(name).toString();
    List<String> all = new ArrayList<>(List.of("--samples", "8", "--tokens", "6", "--out", table));
    all.addAll(List.of(more));
    String said = generate(all.toArray(String[]::new)).succeeds().out();
    assertThat(said).contains("48 continuations of 6 prompts, 6 tokens each, by step 6 of");
    return table;
  }

  private static String scored(String name, String reward) {
    String table = folder.resolve(name + "-scored").toString();
    spark.read().parquet(drawn(name)).withColumn("reward", expr(reward)).write().parquet(table);
    return table;
  }

  @Test
  void drawsOnceAndForAll() {
    Dataset<Row> first = spark.read().parquet(drawn("once"));
    Dataset<Row> second = spark.read().parquet(drawn("twice"));
    assertEquals(TinyTraining.sorted(first), TinyTraining.sorted(second));
    Dataset<Row> other = spark.read().parquet(drawn("other", "--seed", "2"));
    assertTrue(first.select("continuation").except(other.select("continuation")).count() > 0);
    Summary summary = Runs.summary(TinyTraining.storage(), run).orElseThrow();
    assertEquals(
        summary.weightsSha256(),
        first.select("weights_sha256").distinct().collectAsList().get(0).getString(0));
    generate("--out", folder.resolve("once").toString()).refuses("--out", "exists already");
    CommandResult.of(
            (out, err) -> new GenerateJob(out), run, "--prompts", "/none", "--out", "/tmp/never")
        .refuses("--prompts /none: no such file, folder or table");
    generate("--out", "/tmp/never", "--tokens", "17").refuses("the model's context, 16");
  }

  @Test
  void learnsFromThemAndSaysHowFarItHasMoved() throws IOException {
    String table = scored("paid", VOWELS);
    CommandResult told = learn(table, "learned", "--set", "steps=12").succeeds();
    assertThat(told.out())
        .contains(
            "48 continuations, mean reward 0.",
            "drawn by the weights that training begins with",
            "the policy has moved by a KL of 0.");
    String out = folder.resolve("learned").toString();
    Dataset<Row> updates = Rollouts.metrics(spark, out).where("kind = 'update'").orderBy("update");
    assertEquals(24, updates.count());
    assertEquals(0, updates.first().<Double>getAs("kl"), 1e-6);
    Row last = updates.orderBy(updates.col("update").desc()).first();
    assertTrue(last.<Double>getAs("kl") > 1e-4, last.json());
    // What was paid for is drawn more often.
    double before = meanVowels(run);
    double after = meanVowels(out);
    assertTrue(after > 1.1 * before, before + " → " + after);
  }

  private static double meanVowels(String policy) {
    String table = folder.resolve("vowels-" + Path.of(policy).getFileName()).toString();
    CommandResult.of(
            (out, err) -> new GenerateJob(out),
            policy,
            "--prompts",
            prompts.toString(),
            "--samples",
            "32",
            "--tokens",
            "6",
            "--seed",
            "9",
            "--out",
            table)
        .succeeds();
    return spark.read().parquet(table).selectExpr("avg(" + VOWELS + ")").first().getDouble(0);
  }

  @Test
  void resumedItEndsInTheSameBits() {
    String table = scored("resumed", VOWELS);
    String[] pull = {"--set", "learner.kl.reference=initial", "--set", "learner.kl.weight=0.02"};
    learn(table, "whole", concat(pull, "--set", "steps=4")).succeeds();
    learn(table, "half", concat(pull, "--set", "steps=2")).succeeds();
    learn(table, "half", concat(pull, "--set", "steps=4", "--resume")).succeeds();
    assertEquals(sha("whole"), sha("half"));
  }

  private static String[] concat(String[] first, String... second) {
    List<String> all = new ArrayList<>(List.of(first));
    all.addAll(List.of(second));
    return all.toArray(String[]::new);
  }

  private static String sha(String name) {
    return Runs.summary(TinyTraining.storage(), folder.resolve(name).toString())
        .orElseThrow()
        .weightsSha256();
  }

  @Test
  void rowsOfOtherWeightsAreLearnedFromAndSaid() {
    String table = folder.resolve("others").toString();
    spark
        .read()
        .parquet(drawn("own"))
        .withColumn("reward", expr(VOWELS))
        .withColumn("weights_sha256", lit("0"))
        .write()
        .parquet(table);
    CommandResult told = learn(table, "from-others", "--set", "steps=1").succeeds();
    assertThat(told.out()).contains("drawn by other weights");
  }

  @Test
  void tablesThatCannotBeLearnedFromAreRefused() {
    learn("/none", "refused", "--set", "steps=1")
        .refuses("--rollouts /none: no such file, folder or table");
    String bare = drawn("bare");
    assertThat(learn(bare, "refused2", "--set", "steps=1").err()).contains("no column reward");
    String nulls = folder.resolve("nulls").toString();
    spark
        .read()
        .parquet(bare)
        .withColumn("reward", lit(null).cast(DataTypes.DoubleType))
        .write()
        .parquet(nulls);
    assertThat(learn(nulls, "refused3", "--set", "steps=1").err())
        .contains("of 48 rows, 48 have a reward that is NULL, NaN or infinite; nothing was");
    learn(bare, "refused4", "--set", "learner.placement=executors")
        .refuses("rollout.stored: stored rollouts need learner.placement = driver");
  }
}
