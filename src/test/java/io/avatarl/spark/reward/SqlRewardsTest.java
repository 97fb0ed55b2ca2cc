package io.avatarl.spark.reward;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.reward.RolloutOrigin;
import io.avatarl.reward.RolloutScorer;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.TestGroups;
import io.avatarl.train.FinishedRun;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SqlRewardsTest {
  /** Tokens 0 to 9 are the letters a to j. */
  private static final Corpus CORPUS =
      Corpus.of("letters", "abcdefghijabcdefghij".getBytes(UTF_8), 0.1);

  private static final RolloutOrigin ORIGIN = new RolloutOrigin(3, 1, "main", 7);

  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark = FinishedRun.spark();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static TrainingConfig config(String sql, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "model.context=4",
                "model.heads=1",
                "rollout.shards=2",
                "rollout.windowsPerUpdate=2",
                "learner.updatesPerStep=2",
                "reward.weights.exact=0",
                "reward.custom.own.sql=" + sql));
    all.addAll(List.of(more));
    return ConfigReader.read("", "", all);
  }

  private static RolloutScorer scorer(String sql, String... more) {
    return SqlRewards.of(spark, config(sql, more), CORPUS).get("own");
  }

  private static float[] scored(String sql, Groups groups) {
    return scorer(sql).score(groups, ORIGIN);
  }

  /** A row of two states, a and ab, whose golds are b and c; in each the actions b and c. */
  private static Groups window() {
    return TestGroups.ofWindows(
        1,
        new int[] {0, 1, 2},
        2,
        true,
        new int[] {1, 2, 1, 2},
        new float[] {0.5f, 0.5f, 0.25f, 0.75f},
        new float[] {-1, -2, -2, -1});
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "CASE WHEN action = gold THEN 1 ELSE 0 END | 1, 0, 0, 1",
        "if(is_gold, 2, 0) | 2, 0, 0, 2",
        "gold_token + action_tokens[0] | 2, 3, 3, 4",
        "position | 0, 0, 1, 1",
        "length(context) | 1, 1, 2, 2",
        "element_at(context_tokens, -1) | 0, 0, 1, 1",
        "logprob | -1, -2, -2, -1",
        "round(exp(logprob) - probability, 6) | 0, 0, 0, 0",
        "rank | 1, 2, 2, 1",
        "weight | 0.5, 0.5, 0.25, 0.75",
        "group_id | 40, 40, 41, 41",
        "step * 100 + shard * 10 + policy_version | 317, 317, 317, 317",
        "CASE stage WHEN 'main' THEN length(exploration) END | 10, 10, 10, 10",
        "length(concat(prompt, continuation)) | 2, 2, 3, 3",
        "CAST(1.5 AS DECIMAL(3, 1)) | 1.5, 1.5, 1.5, 1.5",
        "ascii(action) BETWEEN 98 AND 98 AND 1 = 1 OR false | none",
        "CASE WHEN ascii(action) BETWEEN 98 AND 98 THEN 1 ELSE 0 END | 1, 0, 1, 0",
        "coalesce(nullif(action_tokens[0], 1), 5) | 5, 2, 5, 2",
        "nvl2(nullif(action, 'b'), 1, 0) | 0, 1, 0, 1",
        "regexp_count(concat(context, action), '[bc]') | 1, 1, 2, 2",
        "size(filter(context_tokens, t -> t > 0)) | 0, 0, 1, 1",
        "aggregate(transform(context_tokens, t -> t + 1), 0, (a, t) -> a + t) | 1, 1, 3, 3",
        "left(action, 1) = 'b' | none",
      })
  void anExpressionIsWorthWhatItIsInSpark(String sql, String expected) {
    if (expected.equals("none")) {
      assertThrows(UserError.class, () -> scored(sql, window()));
      return;
    }
    float[] values = new float[4];
    String[] parts = expected.split(", ");
    for (int i = 0; i < 4; i++) {
      values[i] = Float.parseFloat(parts[i]);
    }
    assertArrayEquals(values, scored(sql, window()), 1e-6f);
  }

  @Test
  void everyActionOfAnExhaustiveGroup() {
    Groups groups =
        TestGroups.ofWindows(
            1, new int[] {0, 1, 2}, 10, false, new int[0], new float[20], new float[20]);
    float[] values = scored("CASE WHEN action = gold THEN 1 ELSE 0 END", groups);
    float[] expected = new float[20];
    expected[1] = 1;
    expected[12] = 1;
    assertArrayEquals(expected, values);
  }

  @Test
  void tokensOfAContinuationKnowAllOfIt() {
    Groups groups = TestGroups.continuations();
    // abc + i, abd + i; efg + b, efh + j.
    assertArrayEquals(
        new float[] {1, 1, 0, 0, 0, 0, 0, 0},
        scored("CASE WHEN concat(prompt, continuation) = 'abci' THEN 1 ELSE 0 END", groups));
    assertArrayEquals(new float[] {2, 3, 2, 3, 2, 3, 2, 3}, scored("length(context)", groups));
    assertArrayEquals(
        new float[] {1, 3, 1, 3, 1, 3, 1, 3},
        scored("length(context) - length(prompt) + locate(action, continuation)", groups));
    assertArrayEquals(
        new float[] {38, 39, 38, 39, 42, 43, 42, 43},
        // Two windows before this shard in its step, and two steps of four; four numbers each.
        scored("group_id - 2", groups));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "CASE WHEN | own.sql: ",
        "actoin = gold | `actoin` cannot be resolved",
        "no_function(action) | no_function",
        "action | is of type string and not a number",
        "action = gold | is of type boolean and not a number; write CASE WHEN",
        "NULL | is of type void and not a number",
        "rand() | is not deterministic",
        "uuid() = '' | is not deterministic",
        "monotonically_increasing_id() | is not deterministic",
        "unix_timestamp(current_timestamp()) | is not deterministic",
        "year(current_date()) | is not deterministic",
        "length(current_user()) | is not deterministic",
        "reflect('java.lang.System', 'nanoTime') | is not deterministic",
        "count(*) | needs other rows",
        "max(logprob) | needs other rows",
        "sum(logprob) OVER (PARTITION BY group_id) | needs other rows",
        "explode(context_tokens) | needs other rows",
        "(SELECT 1) | needs other rows",
        "(SELECT max(logprob) FROM rollouts) | cannot be found",
        "reward | `reward` cannot be resolved",
        "CASE WHEN action = 'z' THEN 1 END | gave NULL for \"",
        "logprob / 0.0 | own",
        "raise_error('no') | own",
        "CAST('1e300' AS DOUBLE) | more than its highest = 1000000.0; correct one of them",
        "CAST('NaN' AS DOUBLE) | gave NaN for ",
        "* | own.sql: ",
        "1; 2 | own.sql: ",
      })
  void whatIsNoRewardIsRefusedBeforeTraining(String sql, String says) {
    String message = assertThrows(UserError.class, () -> scorer(sql)).getMessage();
    assertThat(message).startsWith("reward.custom.own");
    assertThat(message).contains(says);
    assertEquals(1, message.lines().count(), message);
  }

  @Test
  void aDivisionByZeroSaysWhere() {
    String message =
        assertThrows(UserError.class, () -> scorer("1 / (length(action) - 1)")).getMessage();
    assertThat(message).contains(" for \"");
  }

  /** Whether compiled or interpreted; several tasks of a JVM share the object. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "length(context) + action_tokens[0]",
        "aggregate(context_tokens, 0, (a, t) -> a + t) + action_tokens[0]",
      })
  void tasksAtTheSameTimeDoNotDisturbEachOther(String sql) {
    RolloutScorer scorer = scorer(sql);
    Groups one = window();
    Groups other = TestGroups.continuations();
    float[] ofOne = scorer.score(one, ORIGIN);
    float[] ofOther = scorer.score(other, ORIGIN);
    IntStream.range(0, 400)
        .parallel()
        .forEach(
            i ->
                assertArrayEquals(
                    i % 2 == 0 ? ofOne : ofOther, scorer.score(i % 2 == 0 ? one : other, ORIGIN)));
  }

  @Test
  void travelsToExecutors() throws Exception {
    String sql =
        "CASE WHEN regexp_count(concat(context, action), '[bc]') BETWEEN 2 AND 3 THEN 1 ELSE 0 END";
    RolloutScorer scorer = scorer(sql);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(scorer);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      RolloutScorer read = (RolloutScorer) in.readObject();
      assertArrayEquals(new float[] {0, 0, 1, 1}, read.score(window(), ORIGIN));
    }
  }
}
