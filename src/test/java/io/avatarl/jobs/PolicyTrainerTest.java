package io.avatarl.jobs;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.UserError;
import io.avatarl.spark.Rollouts;
import io.avatarl.spark.TextGenerator;
import io.avatarl.spark.table.RolloutColumns;
import io.avatarl.train.Runs;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The loop as DataFrames: rewards are a column of the user's. */
class PolicyTrainerTest {
  private static final String VOWELS = "length(regexp_replace(continuation, '[^aeiou]', '')) / 6";
  private static final Map<String, Object> SETTINGS =
      Map.of(
          "advantage.estimator", "grpo",
          "learner.updatesPerStep", 2,
          "learner.optimizer.learningRate", 3e-3,
          "learner.optimizer.warmup", 0,
          "sample.count", 1);

  @TempDir static Path folder;
  private static SparkSession spark;
  private static Path corpus;
  private static String run;

  @BeforeAll
  static void trainARun() throws IOException {
    spark = TinyTraining.spark("local[2]", Map.of("spark.sql.shuffle.partitions", "3"));
    corpus = TinyTraining.corpus(folder);
    run = folder.resolve("first").toString();
    Path preset = Files.writeString(folder.resolve("tiny.conf"), TinyTraining.PRESET);
    Training.run(
        spark,
        Map.of("preset", preset.toString(), "corpus", corpus.toString(), "out", run),
        line -> {});
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static PolicyTrainer trainer(Object... more) {
    Map<String, Object> settings = new HashMap<>(SETTINGS);
    for (int i = 0; i < more.length; i += 2) {
      settings.put(more[i].toString(), more[i + 1]);
    }
    return PolicyTrainer.load(spark, run, settings);
  }

  /** Of two lengths. */
  private static Dataset<Row> prompts(int count) {
    return spark
        .createDataset(
            IntStream.range(0, count).mapToObj(i -> i % 2 == 0 ? "e " + i : "th" + i).toList(),
            Encoders.STRING())
        .toDF("prompt")
        .selectExpr("translate(prompt, '0123456789', 'abcdefghij') AS prompt");
  }

  private static String refused(org.junit.jupiter.api.function.Executable call) {
    String message = assertThrows(UserError.class, call).getMessage();
    assertEquals(1, message.lines().count(), message);
    return message;
  }

  private static String weights(PolicyTrainer policy, String name) {
    return Runs.summary(TinyTraining.storage(), policy.save(folder.resolve(name).toString()))
        .orElseThrow()
        .weightsSha256();
  }

  @Test
  void drawsWhatThePromptsTextSaysAndNothingElse() {
    try (PolicyTrainer policy = trainer();
        PolicyTrainer another = trainer()) {
      Dataset<Row> all = policy.rollouts(prompts(9), 4, 6);
      assertEquals(
          List.of(
              "prompt",
              "continuation",
              "group_id",
              "rollout",
              "actions_per_group",
              "context_tokens",
              "action_tokens",
              "logprobs",
              "logprob",
              "policy_version",
              "step"),
          List.of(all.columns()));
      // Computed once, whatever is asked of it later.
      assertTrue(spark.sparkContext().getPersistentRDDs().size() > 0);
      assertEquals(36, all.count());
      assertEquals(36, all.select("group_id", "rollout").distinct().count());
      assertEquals(9, all.groupBy("group_id", "prompt").count().count());
      assertEquals(0, all.where("length(continuation) <> 6 OR size(logprobs) <> 6").count());
      Dataset<Row> shuffled =
          another.rollouts(prompts(9).orderBy(col("prompt").desc()).repartition(5), 4, 6);
      assertEquals(TinyTraining.sorted(all), TinyTraining.sorted(shuffled));
      // Other prompts beside it do not matter.
      Dataset<Row> one = another.rollouts(prompts(9).where("prompt = 'e e'"), 4, 6);
      assertEquals(TinyTraining.sorted(all.where("prompt = 'e e'")), TinyTraining.sorted(one));
      assertEquals(4, one.count());
    }
  }

  @Test
  void theSamePromptAgainIsAnotherGroupAndOwnColumnsComeAlong() {
    try (PolicyTrainer policy = trainer()) {
      Dataset<Row> twice =
          prompts(2).withColumn("id", lit(7)).unionByName(prompts(2).withColumn("id", lit(3)));
      Dataset<Row> drawn = policy.rollouts(twice, 3, 5);
      assertEquals(4, drawn.select("group_id").distinct().count());
      assertEquals(
          TinyTraining.sorted(drawn),
          TinyTraining.sorted(policy.rollouts(twice.orderBy("id").repartition(3), 3, 5)));
      assertNotEquals(
          drawn.where("id = 7").select("continuation").collectAsList(),
          drawn.where("id = 3").select("continuation").collectAsList());
    }
  }

  @Test
  void learnsWhatIsPaidFor() {
    try (PolicyTrainer policy =
        trainer("learner.kl.reference", "initial", "learner.kl.weight", 0.01)) {
      Row before = policy.evaluate();
      double first = 0;
      double last = 0;
      for (int step = 0; step < 15; step++) {
        Dataset<Row> drawn = policy.rollouts(prompts(12), 8, 6);
        Row metrics = policy.learn(drawn.withColumn("reward", expr(VOWELS)));
        assertEquals(96, metrics.<Long>getAs("rows"));
        assertEquals(step + 1, metrics.<Long>getAs("step"));
        assertEquals(step, metrics.<Long>getAs("policy_version"));
        assertEquals(0.0, metrics.<Double>getAs("staleness"));
        first = step == 0 ? metrics.getAs("reward") : first;
        last = metrics.getAs("reward");
      }
      assertTrue(last > 1.3 * first, first + " → " + last);
      assertTrue(policy.evaluate().<Double>getAs("val_ce") < before.<Double>getAs("val_ce") + 1);
    }
  }

  @Test
  void theFirstUpdateFindsThePolicyWhereItDrew() {
    try (PolicyTrainer policy =
        trainer("learner.kl.reference", "initial", "learner.updatesPerStep", 1)) {
      Dataset<Row> drawn = policy.rollouts(prompts(6), 4, 6).withColumn("reward", expr(VOWELS));
      Row first = policy.learn(drawn);
      // Stored log-probabilities are those that the learner computes, and the start is the start.
      assertEquals(0, first.<Double>getAs("kl"), 1e-6);
      assertEquals(0, first.<Double>getAs("clip_fraction"), 0);
      assertEquals(0, first.<Double>getAs("reference_kl"), 1e-6);
      Row second =
          policy.learn(policy.rollouts(prompts(6), 4, 6).withColumn("reward", expr(VOWELS)));
      assertTrue(second.<Double>getAs("reference_kl") > 1e-6, second.json());
    }
  }

  @Test
  void theSameRowsInAnyOrderGiveTheSameBits() {
    String[] weights = new String[3];
    for (int i = 0; i < 3; i++) {
      try (PolicyTrainer policy = trainer("rolloutTable.every", 0)) {
        for (int step = 0; step < 2; step++) {
          Dataset<Row> drawn = policy.rollouts(prompts(7), 4, 6).withColumn("reward", expr(VOWELS));
          policy.learn(
              switch (i) {
                case 0 -> drawn;
                case 1 -> drawn.orderBy(col("logprob")).repartition(5);
                default -> drawn.repartition(2, col("rollout")).cache();
              });
        }
        weights[i] = weights(policy, "order" + i);
      }
    }
    assertEquals(weights[0], weights[1]);
    assertEquals(weights[0], weights[2]);
  }

  @Test
  void aNumberIsPaidToEveryTokenAndAnArrayTokenByToken() {
    String[] weights = new String[3];
    String[] rewards = {
      VOWELS, "transform(action_tokens, t -> " + VOWELS + ")", "transform(action_tokens, t -> t)"
    };
    for (int i = 0; i < 3; i++) {
      try (PolicyTrainer policy = trainer()) {
        policy.learn(policy.rollouts(prompts(5), 4, 6).withColumn("reward", expr(rewards[i])));
        weights[i] = weights(policy, "paid" + i);
      }
    }
    assertEquals(weights[0], weights[1]);
    assertNotEquals(weights[0], weights[2]);
  }

  @Test
  void rowsThatCannotBeLearnedFromAreCountedInOneLine() {
    try (PolicyTrainer policy = trainer()) {
      Dataset<Row> drawn = policy.rollouts(prompts(3), 4, 6);
      Dataset<Row> good = drawn.withColumn("reward", expr(VOWELS)).cache();
      Object group = good.orderBy("group_id").first().getAs("group_id");
      String here = "group_id = " + group + " AND rollout = 1";
      assertTrue(
          refused(() -> policy.learn(good.where("NOT (" + here + ")")))
              .contains("of 11 rows, 1 more are missing from their groups; nothing was learned"));
      assertTrue(
          refused(() -> policy.learn(good.unionByName(good.where(here))))
              .contains("of 13 rows, 1 are there more than once"));
      assertTrue(
          refused(
                  () ->
                      policy.learn(
                          good.withColumn(
                              "reward",
                              expr(
                                  "CASE rollout WHEN 0 THEN NULL WHEN 1 THEN double('NaN') ELSE 1 END"))))
              .contains("6 have a reward that is NULL, NaN or infinite"));
      assertTrue(
          refused(() -> policy.learn(good.withColumn("reward", expr("array(1, 2)"))))
              .contains("12 have another number of rewards than tokens"));
      assertTrue(
          refused(() -> policy.learn(good.withColumn("policy_version", lit(5L))))
              .contains(
                  "12 are of a policy version that is not allowed ([5]; the policy is version"
                      + " 0, rollout.maxStaleness = 0)"));
      assertTrue(
          refused(() -> policy.learn(good.withColumn("action_tokens", expr("array(999)"))))
              .contains("12 are not as rollouts made them"));
      assertTrue(refused(() -> policy.learn(drawn)).contains("no column reward"));
      assertTrue(
          refused(() -> policy.learn(drawn.withColumn("reward", lit("good"))))
              .contains("column reward is of type string"));
      assertTrue(refused(() -> policy.learn(good.limit(0))).contains("there are no rows"));
      assertEquals(0, policy.step());
      // Nothing was learned: the rows are still those of this policy.
      assertEquals(0, policy.learn(good).<Double>getAs("staleness"));
      assertTrue(refused(() -> policy.learn(good)).contains("12 are of a policy version"));
    }
  }

  @Test
  void rowsMayBeOlderWhereThatIsAllowed() {
    try (PolicyTrainer policy = trainer("rollout.maxStaleness", 1)) {
      Dataset<Row> drawn = policy.rollouts(prompts(4), 4, 6).withColumn("reward", expr(VOWELS));
      policy.learn(drawn);
      Dataset<Row> fresh = policy.rollouts(prompts(4), 4, 6).withColumn("reward", expr(VOWELS));
      Row metrics = policy.learn(drawn.unionByName(fresh));
      assertEquals(0.5, metrics.<Double>getAs("staleness"));
      assertEquals(32, metrics.<Long>getAs("rows"));
      assertTrue(metrics.<Double>getAs("kl") > 0);
      assertTrue(refused(() -> policy.learn(drawn)).contains("rollout.maxStaleness = 1"));
    }
  }

  @Test
  void aRewardBelowZeroIsNothingForMaxrl() {
    try (PolicyTrainer policy = trainer("advantage.estimator", "maxrl")) {
      Dataset<Row> drawn = policy.rollouts(prompts(2), 4, 6);
      String message = refused(() -> policy.learn(drawn.withColumn("reward", lit(-1))));
      assertThat(message).contains("8 have a reward below 0");
    }
  }

  @Test
  void promptsThatCannotBeContinuedAreCountedInOneLine() {
    try (PolicyTrainer policy = trainer()) {
      Dataset<Row> bad =
          prompts(3)
              .unionByName(spark.sql("SELECT CAST(NULL AS STRING) AS prompt UNION ALL SELECT ''"))
              .unionByName(spark.sql("SELECT 'caf\u00e9' AS prompt"));
      String message = refused(() -> policy.rollouts(bad, 4, 6));
      assertThat(message)
          .contains("prompts: of 6, 2 are NULL or empty, and 1 have characters", "U+00E9");
      assertTrue(
          refused(() -> policy.rollouts(prompts(2).withColumnRenamed("prompt", "text"), 4, 6))
              .contains("no column prompt; there are text"));
      assertTrue(
          refused(() -> policy.rollouts(prompts(2).withColumn("step", lit(1)), 4, 6))
              .contains("a column step"));
      assertTrue(refused(() -> policy.rollouts(prompts(2), 1, 6)).contains("samples = 1"));
      assertTrue(refused(() -> policy.rollouts(prompts(2), 4, 17)).contains("model.context = 16"));
      assertTrue(refused(() -> policy.rollouts(prompts(2).limit(0), 4, 6)).contains("no rows"));
    }
  }

  @Test
  void settingsThatDoNotFitAreRefused() {
    assertTrue(refused(() -> trainer("learner.placement", "executors")).contains("set driver"));
    assertTrue(refused(() -> trainer("rollout.exploration", "exhaustive")).contains("set sampled"));
    assertTrue(refused(() -> trainer("model.width", 32)).contains("model.width: 16 → 32"));
    assertTrue(refused(() -> trainer("learner.clipp", 1)).contains("unknown key"));
    assertTrue(
        refused(() -> PolicyTrainer.load(spark, folder.resolve("nowhere").toString()))
            .contains("holds no run"));
  }

  @Test
  void writesARunLikeAnyOther() throws IOException {
    String out = folder.resolve("saved").toString();
    try (PolicyTrainer policy = trainer("rolloutTable.windows", 0)) {
      Dataset<Row> prompts = prompts(5).withColumn("id", expr("hash(prompt)"));
      for (int step = 0; step < 3; step++) {
        Dataset<Row> drawn = policy.rollouts(prompts, 4, 6);
        policy.learn(
            drawn
                .withColumn("reward", expr(VOWELS))
                .withColumn("weight", lit("mine"))
                .withColumn("judge", lit("sql")));
      }
      policy.evaluate();
      policy.save(out);
      assertTrue(refused(() -> policy.save(run)).contains("already holds a run"));
      Row after = policy.learn(policy.rollouts(prompts, 4, 6).withColumn("reward", expr(VOWELS)));
      assertEquals(4, after.<Long>getAs("step"));
      policy.save(out);
    }
    assertEquals(4, Runs.summary(TinyTraining.storage(), out).orElseThrow().steps());
    assertTrue(Files.size(Path.of(out, "report.html")) > 10_000);
    assertEquals(8, Rollouts.metrics(spark, out).where("kind = 'update' AND rows = 20").count());
    assertEquals(1, Rollouts.metrics(spark, out).where("kind = 'evaluation'").count());
    // The first step's, and the last one's of each time it was saved.
    assertEquals(List.of(1L, 3L, 4L), Rollouts.steps(spark, out));
    Dataset<Row> table = Rollouts.read(spark, out);
    assertArrayEquals(RolloutColumns.SCHEMA.fieldNames(), table.columns());
    assertEquals(60, table.count());
    assertEquals(0, table.where("abs(group_mean_advantage) > 1e-5").count());
    Row rank = table.where("step = 3").groupBy("group_id").sum("rank").first();
    assertEquals(10, rank.getLong(1));
    Dataset<Row> own = spark.read().parquet(out + "/rollouts").where("step = 3");
    assertTrue(
        Arrays.asList(own.columns())
            .containsAll(List.of("rollout", "logprobs", "id", "own_weight", "judge")),
        Arrays.toString(own.columns()));
    assertEquals(20, own.where("own_weight = 'mine' AND id = hash(context)").count());
    Rollouts.registerViews(spark, out);
    assertEquals(3, spark.sql("SELECT * FROM progress").count());
    CommandResult shown = CommandResult.rollouts(out).succeeds();
    assertThat(shown.out()).contains("rollouts in step 4");
    assertFalse(
        new TextGenerator()
            .setModelUrl(out)
            .setInputCol("prompt")
            .setOutputCol("text")
            .setMaxNewTokens(5)
            .transform(prompts(2))
            .isEmpty());
    try (PolicyTrainer on = PolicyTrainer.load(spark, out)) {
      assertEquals(0, on.step());
      assertEquals(8, on.rollouts(prompts(2), 4, 6).count());
    }
  }

  @Test
  void beginsWithRandomWeightsToo() {
    try (PolicyTrainer policy =
        PolicyTrainer.initial(
            spark,
            Map.of(
                "preset", folder.resolve("tiny.conf").toString(),
                "corpus", corpus.toString(),
                "rollout.samples", 3,
                "rollout.horizon", 5,
                "seed", 4))) {
      Dataset<Row> drawn = policy.rollouts(prompts(2));
      assertEquals(6, drawn.count());
      policy.learn(drawn.withColumn("reward", expr(VOWELS)));
      assertEquals(1, policy.policyVersion());
    }
  }
}
