package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.UserError;
import io.avatarl.jobs.CommandResult;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.reward.TestFunctions;
import io.avatarl.spark.Rollouts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Components of one's own train, and are in the table, as those that are built in. */
class CustomRewardTrainingTest {
  private static final String HIT =
      "reward.custom.hit.sql=CASE WHEN action = gold THEN 1 ELSE 0 END";
  private static final String EXACT = "reward.custom.hit.class=" + name("Exact");

  @TempDir static Path folder;
  private static Path corpus;
  private static SparkSession spark;

  @BeforeAll
  static void start() throws IOException {
    spark = FinishedRun.spark();
    corpus = TinyTraining.corpus(folder);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static String name(String function) {
    return TestFunctions.class.getName() + "$" + function;
  }

  private static Summary train(String run, String... overrides) {
    return TinyTraining.train(spark, corpus, folder.resolve(run), overrides);
  }

  @Test
  void theSameRewardInAnyFormGivesTheSameBits() {
    String[] noExact = {"reward.weights.exact=0", "reward.custom.hit.lowest=0"};
    String builtIn = train("built-in", "steps=2").weightsSha256();
    assertEquals(builtIn, train("sql", noExact[0], noExact[1], HIT, "steps=2").weightsSha256());
    assertEquals(builtIn, train("class", noExact[0], noExact[1], EXACT, "steps=2").weightsSha256());
  }

  @Test
  void theTableHasItAndAnExpressionIsTheSameOverTheTable() {
    String sql =
        "length(continuation) + regexp_count(concat(prompt, continuation), '[aeiou]') / 10 + position"
            + " + CASE WHEN action = gold THEN 100 ELSE 0 END + rank";
    train(
        "continuations",
        "steps=2",
        "rollout.exploration=sampled",
        "rollout.horizon=4",
        "rollout.samples=3",
        "advantage.estimator=grpo",
        "reward.custom.shape.sql=" + sql,
        "reward.custom.shape.weight=0.01",
        "reward.custom.surprise.class=" + name("Surprise"));
    Rollouts.registerViews(spark, folder.resolve("continuations").toString());
    List<Row> rows =
        spark
            .sql(
                "SELECT count(*) AS n, max(abs(reward_components['shape'] - ("
                    + sql
                    + "))) AS shape,"
                    + " max(abs(reward_components['surprise'] + logprob)) AS surprise,"
                    + " max(abs(reward - (0.01 * reward_components['shape']"
                    + " + reward_components['surprise'] + reward_components['exact']))) AS total"
                    + " FROM rollouts")
            .collectAsList();
    Row row = rows.get(0);
    // Tables of two steps, three shards with two contexts each, three continuations of four.
    assertEquals(2 * 3 * 2 * 3 * 4, row.<Long>getAs("n"));
    assertEquals(0, row.<Double>getAs("shape"), 1e-4);
    assertEquals(0, row.<Double>getAs("surprise"), 1e-5);
    assertEquals(0, row.<Double>getAs("total"), 1e-5);
    assertEquals(
        List.of("exact", "shape", "surprise"),
        spark
            .sql("SELECT DISTINCT component FROM rewards ORDER BY component")
            .collectAsList()
            .stream()
            .map(component -> component.getString(0))
            .toList());
  }

  @Test
  void aStageMayBeTheFirstToPayIt() {
    assertEquals(
        12,
        train(
                "stages",
                HIT,
                "reward.custom.hit.weight=0",
                "reward.custom.hit.lowest=0",
                "curriculum.stages=[{ name = a, steps = 2 }, { name = b, reward { exact = 0, hit = 1 } }]")
            .updates());
  }

  private static CommandResult command(String run, String... overrides) throws IOException {
    Path preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    String[] all = new String[6 + 2 * overrides.length];
    String[] usual = {
      "--preset",
      preset.toString(),
      "--corpus",
      corpus.toString(),
      "--out",
      folder.resolve(run).toString()
    };
    System.arraycopy(usual, 0, all, 0, 6);
    for (int i = 0; i < overrides.length; i++) {
      all[6 + 2 * i] = "--set";
      all[7 + 2 * i] = overrides[i];
    }
    return CommandResult.train(all);
  }

  @Test
  void whatIsWrongIsOneLineAndNoRun() throws IOException {
    String lowest = "reward.custom.own.lowest=0";
    command("refused-none", lowest, "reward.custom.own.class=com.example.None")
        .refuses("reward.custom.own.class: com.example.None is not on the class path");
    command(
            "refused-nan",
            lowest,
            "reward.custom.own.class=" + name("Bad"),
            "reward.custom.own.params.how=nan")
        .refuses("reward.custom.own: gave NaN for ");
    command(
            "refused-throws",
            lowest,
            "reward.custom.own.class=" + name("Bad"),
            "reward.custom.own.params.how=throws")
        .refuses(
            "threw java.lang.IllegalStateException: no dictionary at io.avatarl.reward.TestFunctions$Bad.score");
    command("refused-sql", lowest, "reward.custom.own.sql=actoin")
        .refuses(
            "reward.custom.own.sql: ", "`actoin` cannot be resolved", "The columns are step, ");
    command("refused-rand", lowest, "reward.custom.own.sql=rand()").refuses("is not deterministic");
    command("refused-negative", "reward.custom.own.sql=logprob")
        .refuses("maxrl needs rewards of at least 0, but reward.custom.own = 1.0", "own.lowest");
    for (String run : List.of("none", "nan", "throws", "sql", "rand", "negative")) {
      assertTrue(Files.notExists(folder.resolve("refused-" + run).resolve("config.conf")), run);
    }
  }

  @Test
  void whatOnlyTrainingFindsOutEndsItInOneLine() throws IOException {
    CommandResult result =
        command(
            "late",
            "reward.custom.own.lowest=0",
            "reward.custom.own.sql=CASE WHEN step = 3 THEN -1 ELSE 0 END");
    assertEquals(2, result.code(), result.err());
    List<String> errors = result.err().lines().filter(line -> line.startsWith("error: ")).toList();
    assertEquals(1, errors.size(), result.err());
    assertTrue(
        errors.get(0).contains("gave -1.0 for ") && errors.get(0).contains("lowest"), result.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"driver", "executors"})
  void aStepThatFailsTakesNoCompleteStepWithIt(String placement) throws IOException {
    Path run = folder.resolve("fails-on-" + placement);
    String[] settings = {
      "learner.placement=" + placement,
      "checkpoint.every=0",
      "reward.custom.late.sql=CASE WHEN step < 4 THEN 0.0 ELSE double('NaN') END",
      "reward.custom.late.lowest=0"
    };
    try (Trainer training =
        TinyTraining.training(corpus, run, false, new TrainingListener() {}, settings)) {
      assertThrows(UserError.class, () -> training.run(spark));
    }
    List<CheckpointFolder> saved = CheckpointFolder.list(TinyTraining.storage(), run.toString());
    assertEquals(List.of(3L), saved.stream().map(CheckpointFolder::step).toList());
  }

  @Test
  void whatIsPaidInTheValidationSplitIsPrinted() throws IOException {
    Path run = folder.resolve("measured");
    TinyTraining.train(spark, corpus, run, "steps=1");
    Path rewards =
        Files.writeString(
            folder.resolve("measure.conf"),
            """
            rollout { exploration = sampled, horizon = 4, samples = 3, shards = 2 }
            advantage.estimator = grpo
            evaluation.windows = 8
            reward.weights.exact = 0
            reward.custom.one.sql = "length(continuation) - length(prompt) + 10"
            reward.custom.odd.sql = "position % 2"
            """);
    List<String> printed = rewardsOf(run, rewards);
    // Eight windows of 16: prompts of 13 characters, continuations of four at positions 12 to 15.
    assertEquals(
        List.of(
            "rewards of " + rewards + " in the validation split, means over 32 states, 96 actions",
            "odd                    0.500000",
            "one                    1.000000"),
        printed);
    Path vowels =
        Files.writeString(
            folder.resolve("vowels.conf"),
            Files.readString(rewards)
                .replace("position % 2", "regexp_count(continuation, '[aeiou]')"));
    List<String> first = rewardsOf(run, vowels);
    assertEquals(first, rewardsOf(run, vowels));
    double mean = Double.parseDouble(first.get(1).replaceAll(".* ", ""));
    assertTrue(mean > 0 && mean < 4, first.toString());
    Path longer =
        Files.writeString(
            folder.resolve("longer.conf"),
            Files.readString(rewards).replace("horizon = 4", "horizon = 20"));
    CommandResult refused = CommandResult.evaluate(run.toString(), "--rewards", longer.toString());
    refused.refuses("rollout.horizon: 20 does not fit into model.context = 16");
  }

  private static List<String> rewardsOf(Path run, Path preset) {
    return CommandResult.evaluate(run.toString(), "--rewards", preset.toString())
        .succeeds()
        .out()
        .lines()
        .dropWhile(line -> !line.startsWith("rewards of "))
        .toList();
  }
}
