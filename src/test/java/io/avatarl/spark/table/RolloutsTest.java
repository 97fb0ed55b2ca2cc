package io.avatarl.spark.table;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.model.Distributions;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.TestGroups;
import io.avatarl.spark.Rollouts;
import io.avatarl.train.TinyTraining;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.schema.MessageTypeParser;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RolloutsTest {
  private static final double EXACT = 1e-7;
  private static SparkSession spark;

  @TempDir private Path folder;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            // Three attempts for each task.
            .master("local[2,3]")
            .config("spark.ui.enabled", false)
            .config("spark.sql.warehouse.dir", TinyTraining.warehouse())
            .config("spark.sql.shuffle.partitions", 1)
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static TrainingConfig config(String... overrides) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "steps=100",
                "model.layers=1",
                "model.heads=1",
                "model.width=8",
                "model.context=2",
                "learner.updatesPerStep=1",
                "rollout.windowsPerUpdate=2",
                "rollout.shards=2"));
    all.addAll(List.of(overrides));
    return ConfigReader.read("test", "", all);
  }

  /** Vocabulary: \n is 0, a is 1, b is 2. */
  private static Corpus corpus() {
    return Corpus.of("test", "ab\nab\nabab\nabab\nab".getBytes(UTF_8), 0.25);
  }

  private static float[] logs(double... probabilities) {
    float[] logs = new float[probabilities.length];
    for (int i = 0; i < logs.length; i++) {
      logs[i] = (float) Math.log(probabilities[i]);
    }
    return logs;
  }

  /** One window "ab\n": after "a" comes b, after "ab" a line break. */
  private static Groups groups() {
    float[] probabilities = {0.2f, 0.5f, 0.3f, 0.1f, 0.2f, 0.7f};
    return TestGroups.ofWindows(
        1,
        new int[] {1, 2, 0},
        3,
        false,
        new int[0],
        probabilities,
        logs(0.2, 0.5, 0.3, 0.1, 0.2, 0.7));
  }

  private static final Map<String, float[]> COMPONENTS = new LinkedHashMap<>();

  static {
    COMPONENTS.put("exact", new float[] {0, 0, 1, 1, 0, 0});
    COMPONENTS.put("bigram", new float[] {0, 0.25f, 0.75f, 0.5f, 0.5f, 0});
  }

  /** What a run with one shard of {@link #groups} leaves, in these steps. */
  private void table(TrainingConfig config, Groups groups, long... steps) {
    ScoredGroups paid =
        new ScoredGroups(
            groups,
            COMPONENTS,
            new float[] {0, 0.5f, 2, 2, 1, 0},
            new float[] {-1, -0.5f, 1, 9, 0, -1});
    table(config, corpus(), paid, steps);
  }

  private void table(TrainingConfig config, Corpus corpus, ScoredGroups paid, long... steps) {
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    RolloutTable table = new RolloutTable(context, config, folder.toString());
    for (long step : steps) {
      TableWriter writer = table.begin(step, "first");
      writer.write(config, corpus.tokenizer(), 0, step - 1, paid);
      table.commit(writer);
    }
  }

  private Storage storage() {
    return new Storage(new Configuration());
  }

  private List<Row> sql(String query) {
    Rollouts.registerViews(spark, folder.toString());
    return spark.sql(query).collectAsList();
  }

  @Test
  void columnsAreThoseOfTheContract() {
    assertEquals(
        "step bigint, shard int, group_id bigint, position int, context string, context_tokens"
            + " array<int>,"
            + " gold string, gold_token int, action string, action_tokens array<int>, rank int,"
            + " logprob double,"
            + " probability double, reward double, reward_components map<string,double>,"
            + " advantage double,"
            + " is_gold boolean, policy_version bigint, exploration string, stage string,"
            + " weight double, actions_per_group_kept int, actions_per_group int,"
            + " group_entropy double, group_mean_reward double, group_reward_std double,"
            + " group_mean_advantage double, group_mean_components map<string,double>,"
            + " prompt string, continuation string",
        String.join(
            ", ",
            Arrays.stream(Rollouts.SCHEMA.fields())
                .map(f -> f.name() + " " + f.dataType().simpleString())
                .toList()));
    table(config(), groups(), 50);
    assertEquals(Rollouts.SCHEMA, Rollouts.read(spark, folder.toString()).schema());
  }

  /** What the first version of the table wrote; readers of any version count on it. */
  @Test
  void filesKeepTheirSchema() {
    assertEquals(
        MessageTypeParser.parseMessageType(
            """
            message rollout {
              required int32 shard;
              required int64 group_id;
              required int32 position;
              required binary context (STRING);
              required group context_tokens (LIST) {
                repeated group list { required int32 element; } }
              required binary gold (STRING);
              required int32 gold_token;
              required binary action (STRING);
              required group action_tokens (LIST) {
                repeated group list { required int32 element; } }
              required int32 rank;
              required double logprob;
              required double probability;
              required double reward;
              required group reward_components (MAP) {
                repeated group key_value { required binary key (STRING); required double value; } }
              required double advantage;
              required boolean is_gold;
              required int64 policy_version;
              required binary exploration (STRING);
              required binary stage (STRING);
              required double weight;
              required int32 actions_per_group_kept;
              required int32 actions_per_group;
              required double group_entropy;
              required double group_mean_reward;
              required double group_reward_std;
              required double group_mean_advantage;
              required group group_mean_components (MAP) {
                repeated group key_value {
                  required binary key (STRING);
                  required double value;
                }
              }
              required binary prompt (STRING);
              required binary continuation (STRING);
            }
            """),
        RolloutColumns.PARQUET);
  }

  @Test
  void describeExplainsEveryColumn() {
    table(config(), groups(), 1);
    List<Row> columns = sql("DESCRIBE rollouts");
    assertEquals(RolloutColumns.SCHEMA.size(), columns.size());
    for (Row column : columns) {
      String comment = column.getAs("comment");
      assertTrue(comment != null && !comment.isBlank(), column.toString());
    }
  }

  @Test
  void rowsAreTheGroupsActionsByProbability() {
    table(config("rolloutTable.topActions=1"), groups(), 50);
    List<Row> rows =
        Rollouts.read(spark, folder.toString()).orderBy("group_id", "rank").collectAsList();
    // The most probable action and the gold one of each of two groups.
    assertEquals(4, rows.size());
    Row first = rows.get(0);
    assertEquals(50L, first.<Long>getAs("step"));
    assertEquals(0, first.<Integer>getAs("shard"));
    // 49 steps of 2 windows of 2 positions came before.
    assertEquals(196L, first.<Long>getAs("group_id"));
    assertEquals(0, first.<Integer>getAs("position"));
    assertEquals("a", first.getAs("context"));
    assertEquals(List.of(1), first.getList(first.fieldIndex("context_tokens")));
    assertEquals("b", first.getAs("gold"));
    assertEquals(2, first.<Integer>getAs("gold_token"));
    assertEquals("a", first.getAs("action"));
    assertEquals(List.of(1), first.getList(first.fieldIndex("action_tokens")));
    assertEquals(1, first.<Integer>getAs("rank"));
    assertEquals(Math.log(0.5), first.<Double>getAs("logprob"), EXACT);
    assertEquals(0.5, first.<Double>getAs("probability"), EXACT);
    assertEquals(0.5, first.<Double>getAs("reward"), EXACT);
    assertEquals(
        Map.of("exact", 0.0, "bigram", 0.25),
        first.getJavaMap(first.fieldIndex("reward_components")));
    assertEquals(-0.5, first.<Double>getAs("advantage"), EXACT);
    assertFalse(first.<Boolean>getAs("is_gold"));
    assertEquals(49L, first.<Long>getAs("policy_version"));
    assertEquals("exhaustive", first.getAs("exploration"));
    assertEquals("first", first.getAs("stage"));
    assertEquals(0.5, first.<Double>getAs("weight"), EXACT);
    assertEquals(2, first.<Integer>getAs("actions_per_group_kept"));
    assertEquals(3, first.<Integer>getAs("actions_per_group"));
    assertEquals(2, rows.get(1).<Integer>getAs("rank"));
    assertTrue(rows.get(1).<Boolean>getAs("is_gold"));
    Row last = rows.get(3);
    assertEquals("ab", last.getAs("context"));
    assertEquals("\n", last.getAs("action"));
    assertEquals(197L, last.<Long>getAs("group_id"));
    assertEquals(1, last.<Integer>getAs("position"));
    assertEquals(3, last.<Integer>getAs("rank"));
    assertEquals(9.0, last.<Double>getAs("advantage"), EXACT);
  }

  @Test
  void aPlainReaderSeesTheSameRows() {
    table(config("rolloutTable.topActions=0"), groups(), 1, 50);
    Dataset<Row> plain = spark.read().parquet(folder + "/rollouts");
    assertEquals(12, plain.count());
    Dataset<Row> own = Rollouts.read(spark, folder.toString());
    Column[] columns = Arrays.stream(own.columns()).map(plain::col).toArray(Column[]::new);
    assertEquals(sorted(own), sorted(plain.select(columns)));
  }

  private static List<String> sorted(Dataset<Row> rows) {
    return rows.toJSON().collectAsList().stream().sorted().toList();
  }

  @Test
  void equalProbabilitiesKeepTheOrderOfTheActions() {
    float[] logProbs = {9, -1, -0f, -1, -3, 0f};
    assertArrayEquals(new int[] {2, 5, 1, 3, 4}, ScoredGroups.byProbability(logProbs, 1, 1, 5));
  }

  @Test
  void viewsByHand() {
    table(config("rolloutTable.topActions=0"), groups(), 1);
    List<Row> groups = sql("SELECT * FROM groups ORDER BY group_id");
    assertEquals(2, groups.size());
    Row first = groups.get(0);
    assertEquals(2, first.<Integer>getAs("gold_rank"));
    assertEquals(0.3, first.<Double>getAs("gold_probability"), EXACT);
    double entropy = -(0.2 * Math.log(0.2) + 0.5 * Math.log(0.5) + 0.3 * Math.log(0.3));
    assertEquals(entropy, first.<Double>getAs("entropy"), EXACT);
    assertEquals("a", first.getAs("best_action"));
    // 0.5 · 0.5 + 0.3 · 2
    assertEquals(0.85, first.<Double>getAs("mean_reward"), EXACT);

    Row confusion = sql("SELECT * FROM confusions WHERE gold = '\\n'").get(0);
    assertEquals("b", confusion.getAs("best_action"));
    assertFalse(confusion.<Boolean>getAs("correct"));
    assertEquals(1L, confusion.<Long>getAs("groups"));
    assertEquals(0.7, confusion.<Double>getAs("best_probability"), EXACT);

    List<Row> rewards = sql("SELECT * FROM rewards ORDER BY component");
    assertEquals("bigram", rewards.get(0).getAs("component"));
    // (0.5·0.25 + 0.3·0.75 + 0.1·0.5 + 0.2·0.5) / 2
    assertEquals(0.25, rewards.get(0).<Double>getAs("mean"), EXACT);
    assertEquals((0.3 + 0.1) / 2, rewards.get(1).<Double>getAs("mean"), EXACT);
    assertEquals(1.0, rewards.get(1).<Double>getAs("gold_mean"), EXACT);

    Row progress = sql("SELECT * FROM progress").get(0);
    assertEquals(0.0, progress.<Double>getAs("accuracy"), EXACT);
    // (0.85 + 0.1·2 + 0.2·1) / 2
    assertEquals(0.625, progress.<Double>getAs("mean_reward"), EXACT);
    assertEquals(2L, progress.<Long>getAs("groups"));
    assertEquals(0, sql("SELECT * FROM metrics").size());
  }

  @Test
  void figuresOfAGroupAreOfTheWholeGroup() {
    table(config("rolloutTable.topActions=1"), groups(), 50, 1);
    requireWhole(sql("SELECT * FROM groups WHERE step = 1 ORDER BY group_id").get(0));
    assertEquals(0.25, sql(MEAN).get(0).getDouble(0), EXACT);
    List<Row> progress = sql("SELECT * FROM progress");
    assertEquals(List.of(1L, 50L), progress.stream().map(r -> r.<Long>getAs("step")).toList());
    assertEquals(0.625, progress.get(0).<Double>getAs("mean_reward"), EXACT);
  }

  private static final String MEAN = "SELECT mean FROM rewards WHERE component = 'bigram'";

  private static void requireWhole(Row group) {
    double entropy = -(0.2 * Math.log(0.2) + 0.5 * Math.log(0.5) + 0.3 * Math.log(0.3));
    assertEquals(entropy, group.<Double>getAs("entropy"), EXACT);
    assertEquals(0.85, group.<Double>getAs("mean_reward"), EXACT);
    // 0.2·(−1) + 0.5·(−0.5) + 0.3·1
    assertEquals(-0.15, group.<Double>getAs("mean_advantage"), EXACT);
  }

  @Test
  void theSpreadOfRewardsByHand() {
    table(config("rolloutTable.topActions=1"), groups(), 1);
    double squares =
        0.2 * 0.85 * 0.85 + 0.5 * (0.5 - 0.85) * (0.5 - 0.85) + 0.3 * (2 - 0.85) * (2 - 0.85);
    Row group = sql("SELECT * FROM groups ORDER BY group_id").get(0);
    assertEquals(Math.sqrt(squares), group.<Double>getAs("reward_std"), EXACT);
  }

  @Test
  void aPolicyThatKnowsMoreThanWasTriedHasItsOwnEntropy() {
    ScoredGroups tried =
        new ScoredGroups(groups(), COMPONENTS, new float[6], new float[6])
            .withEntropies(
                Distributions.of(logs(0.5, 0.25, 0.25, 0, 0, 1), 2)
                    .summary(new int[2])
                    .entropies());
    assertEquals(1.5 * Math.log(2), tried.entropies()[0], 1e-6);
    assertEquals(0, tried.entropies()[1], 0);
    table(config("rolloutTable.topActions=1"), corpus(), tried, 1);
    List<Row> groups = sql("SELECT entropy FROM groups ORDER BY group_id");
    assertEquals(1.5 * Math.log(2), groups.get(0).getDouble(0), 1e-6);
  }

  @Test
  void tablesOfEarlierVersionsAreRead() {
    for (int top : new int[] {1, 0}) {
      table(config("rolloutTable.topActions=" + top), groups(), 1);
      List<String> added =
          Arrays.stream(RolloutColumns.SCHEMA.fieldNames())
              .filter(name -> name.startsWith("group_") && !name.equals("group_id"))
              .toList();
      assertEquals(5, added.size());
      String step = folder + "/rollouts/step=1";
      spark
          .read()
          .parquet(step)
          .drop(added.toArray(String[]::new))
          .localCheckpoint()
          .write()
          .mode("overwrite")
          .parquet(step);
      Row group = sql("SELECT * FROM groups ORDER BY group_id").get(0);
      if (top == 0) {
        requireWhole(group);
        assertEquals(0.25, sql(MEAN).get(0).getDouble(0), EXACT);
      } else {
        // Over the kept actions it would be another figure under the same name.
        for (String name : List.of("entropy", "mean_reward", "mean_advantage", "reward_std")) {
          assertNull(group.getAs(name), name);
        }
        assertNull(sql(MEAN).get(0).get(0));
      }
      assertEquals(0.3, group.<Double>getAs("gold_probability"), EXACT);
    }
  }

  @Test
  void sampledGroupsAreKeptWholeAndNeedNoGold() {
    Groups sampled =
        TestGroups.ofWindows(
            1,
            new int[] {1, 2, 0},
            3,
            true,
            new int[] {1, 1, 2, 1, 1, 2},
            new float[] {1 / 3f, 1 / 3f, 1 / 3f, 1 / 3f, 1 / 3f, 1 / 3f},
            logs(0.5, 0.5, 0.3, 0.2, 0.2, 0.7));
    table(
        config("rolloutTable.topActions=1", "rollout.exploration=sampled", "rollout.samples=3"),
        sampled,
        1);
    assertEquals(6, sql("SELECT * FROM rollouts").size());
    List<Row> groups = sql("SELECT * FROM groups ORDER BY group_id");
    assertEquals(3, groups.get(0).<Integer>getAs("gold_rank"));
    assertNull(groups.get(1).getAs("gold_rank"));
    assertEquals(2.5 / 3, groups.get(0).<Double>getAs("mean_reward"), EXACT);
    assertEquals(
        -(2 * Math.log(0.5) + Math.log(0.3)) / 3, groups.get(0).<Double>getAs("entropy"), EXACT);
  }

  @Test
  void onlySomeWindowsAreKept() {
    float[] logs = logs(.2, .5, .3, .1, .2, .7, .2, .5, .3, .1, .2, .7);
    Groups twice =
        TestGroups.ofWindows(
            2, new int[] {1, 2, 0, 1, 2, 0}, 3, false, new int[0], new float[12], logs);
    ScoredGroups paid =
        new ScoredGroups(twice, Map.of("exact", new float[12]), new float[12], new float[12]);
    table(config("rolloutTable.windows=1", "rolloutTable.topActions=0"), corpus(), paid, 1);
    assertEquals(6, Rollouts.read(spark, folder.toString()).count());
  }

  /** Tokens are the letters' numbers: two contexts, "ab" and "ef", of two continuations each. */
  @Test
  void continuationsOfAContextAreOneGroupAtEachPosition() {
    TrainingConfig config =
        config(
            "model.context=3",
            "rollout.exploration=sampled",
            "rollout.samples=2",
            "rollout.horizon=2",
            "rolloutTable.every=1",
            "rolloutTable.topActions=1");
    Corpus letters = Corpus.of("letters", "abcdefghijabcdefghij".getBytes(UTF_8), 0.5);
    float[] eight = {0, 1, 2, 3, 4, 5, 6, 7};
    ScoredGroups paid =
        new ScoredGroups(TestGroups.continuations(), Map.of("exact", eight), eight, eight);
    table(config, letters, paid, 3);
    List<Row> rows =
        Rollouts.read(spark, folder.toString()).orderBy("group_id", "rank").collectAsList();
    List<String> shown =
        rows.stream()
            .map(
                row ->
                    row.<Long>getAs("group_id")
                        + " "
                        + row.<Integer>getAs("position")
                        + " "
                        + row.getAs("context")
                        + row.getAs("action")
                        + " "
                        + row.getAs("gold")
                        + " "
                        + row.<Integer>getAs("rank")
                        + " "
                        + row.<Double>getAs("reward"))
            .toList();
    // Two steps of two contexts with three tokens came before.
    assertEquals(
        List.of(
            "12 1 abc c 1 0.0",
            "12 1 abd c 2 2.0",
            "13 2 abci i 1 1.0",
            "13 2 abdi i 2 3.0",
            "15 1 efg g 1 4.0",
            "15 1 efh g 2 6.0",
            "16 2 efgb j 1 5.0",
            "16 2 efhj j 2 7.0"),
        shown);
    assertEquals(0.5, rows.get(0).<Double>getAs("weight"));
    assertEquals(2, rows.get(0).<Integer>getAs("actions_per_group"));
    Row group = sql("SELECT * FROM groups WHERE group_id = 13").get(0);
    assertEquals("abc", group.getAs("context"));
    assertEquals(2.0, group.<Double>getAs("mean_reward"), EXACT);
  }

  @Test
  void entriesThatOnlyFillUpAGroupAreLeftOut() {
    Groups active =
        TestGroups.ofWindows(
            1,
            new int[] {1, 2, 0},
            3,
            false,
            new int[] {2, 1, 2, 0, 2, 1},
            new float[] {0.4f, 0.6f, 0, 0.1f, 0.2f, 0.7f},
            logs(0.2, 0.3, 0.2, 0.1, 0.2, 0.7));
    table(config("rolloutTable.topActions=0", "rollout.exploration=active"), active, 1);
    List<Row> groups = sql("SELECT * FROM groups ORDER BY group_id");
    assertEquals(2, groups.get(0).<Integer>getAs("actions_per_group"));
    // 0.4 · 0 + 0.6 · 0.5
    assertEquals(0.3, groups.get(0).<Double>getAs("mean_reward"), EXACT);
    assertEquals(3, groups.get(1).<Integer>getAs("actions_per_group"));
  }

  @Test
  void aTaskThatFailsAfterWritingWritesOnce() throws Exception {
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    TrainingConfig config = config();
    RolloutTable table = new RolloutTable(context, config, folder.toString());
    Broadcast<Tokenizer> tokenizer = context.broadcast(corpus().tokenizer());
    TableWriter writer = table.begin(1, "main");
    context
        .parallelize(List.of(0, 1), 2)
        .foreach(
            shard -> {
              writer.write(
                  config,
                  tokenizer.value(),
                  shard,
                  0,
                  new ScoredGroups(groups(), COMPONENTS, new float[6], new float[6]));
              if (TaskContext.get().attemptNumber() == 0) {
                throw new IllegalStateException("lost after writing, on purpose");
              }
            });
    assertFalse(Files.exists(folder.resolve("rollouts/step=1")), "visible before all are done");
    table.commit(writer);
    assertEquals(12, Rollouts.read(spark, folder.toString()).count());
    try (var files = Files.list(folder.resolve("rollouts/step=1"))) {
      assertEquals(
          List.of("_SUCCESS", "part-00000.parquet", "part-00001.parquet"),
          files.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void aStepThatIsMadeAgainReplacesItsTable() {
    table(config(), groups(), 1, 50);
    table(config(), groups(), 50);
    assertEquals(List.of(1L, 50L), Rollouts.steps(spark, folder.toString()));
    assertEquals(12, Rollouts.read(spark, folder.toString()).count());
  }

  @Test
  void resumingDropsLaterSteps() {
    table(config(), groups(), 1, 50, 100);
    RolloutTable.dropAfter(spark, storage(), folder.toString(), 50);
    assertEquals(List.of(1L, 50L), Rollouts.steps(spark, folder.toString()));
  }

  @Test
  void halfWrittenStepsAreLeftOut() throws Exception {
    table(config(), groups(), 1, 50);
    Files.delete(folder.resolve("rollouts/step=50/_SUCCESS"));
    assertEquals(6, Rollouts.read(spark, folder.toString()).count());
    String message =
        assertThrows(UserError.class, () -> Rollouts.requireStep(spark, folder.toString(), 50))
            .getMessage();
    assertThat(message).contains("step 50 is incomplete");
    assertThat(message).endsWith("there are steps 1");
  }

  @Test
  void aRunWithoutTablesSaysSo() {
    assertThat(error(folder.toString())).contains("has no rollout table yet");
    assertThat(error(folder + "/none")).contains("no such run");
  }

  @Test
  void aNewerFormatIsRefused() throws Exception {
    table(config(), groups(), 1);
    // Nothing but the table in its folder, so that any reader of Parquet takes it as it is.
    try (var inside = Files.list(folder.resolve("rollouts"))) {
      assertEquals(List.of("step=1"), inside.map(p -> p.getFileName().toString()).toList());
    }
    for (String file : List.of("rollouts.format", "rollouts/_format")) {
      Files.writeString(folder.resolve(file), "2\n");
      assertThat(error(folder.toString()))
          .contains("written in format 2, this version reads format 1");
      Files.writeString(folder.resolve(file), "1\n");
      assertFalse(Rollouts.read(spark, folder.toString()).isEmpty());
    }
  }

  private static String error(String run) {
    String message = assertThrows(UserError.class, () -> Rollouts.read(spark, run)).getMessage();
    assertEquals(1, message.lines().count());
    return message;
  }
}
