package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The smallest of everything: all that is written stays finite. */
class ExtremesTest {
  private static final String[] SMALLEST = {
    "steps=3",
    "model.context=1",
    "rollout.shards=1",
    "rollout.windowsPerUpdate=1",
    "learner.updatesPerStep=1",
    "evaluation.every=1",
    "evaluation.windows=1",
    "sample.prompt=a"
  };

  @TempDir static Path folder;
  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark = TinyTraining.spark("local[1]", Map.of());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Summary train(String name, String text, String estimator, String... more)
      throws IOException {
    Path corpus = Files.writeString(folder.resolve(name + estimator + ".txt"), text);
    String[] all = Arrays.copyOf(SMALLEST, SMALLEST.length + more.length + 1);
    all[SMALLEST.length] = "advantage.estimator=" + estimator;
    System.arraycopy(more, 0, all, SMALLEST.length + 1, more.length);
    Path run = folder.resolve(name + estimator);
    Summary summary = TinyTraining.train(spark, corpus, run, all);
    for (JsonNode record : TinyTraining.metrics(run)) {
      for (Map.Entry<String, JsonNode> figure : record.properties()) {
        // What is no number would be text here.
        boolean isText = figure.getKey().matches("kind|stage|warning");
        assertTrue(
            isText || Double.isFinite(figure.getValue().asDouble(Double.NaN)), record.toString());
      }
    }
    assertTrue(Double.isFinite(summary.valCe()), summary.toString());
    return summary;
  }

  /** Every action has probability 1, every group equal rewards: nothing to learn. */
  @ParameterizedTest
  @ValueSource(strings = {"maxrl", "grpo", "dr-grpo", "reinforce"})
  void oneCharacterOverAndOver(String estimator) throws IOException {
    Summary summary = train("one", "a".repeat(200), estimator);
    assertEquals(0, summary.valCe(), 1e-6);
    assertEquals(1, summary.valAccuracy());
  }

  /** Two tokens, a context of one, one window at a time. */
  @ParameterizedTest
  @ValueSource(strings = {"maxrl", "grpo", "dr-grpo", "reinforce"})
  void twoCharacters(String estimator) throws IOException {
    Summary summary = train("two", "ab".repeat(200), estimator, "steps=30");
    assertTrue(summary.valCe() < Math.log(2), summary.toString());
  }

  /** Two samples of 65: hardly a group has a reward. */
  @ParameterizedTest
  @ValueSource(strings = {"maxrl", "grpo", "dr-grpo", "reinforce"})
  void groupsWithoutAReward(String estimator) throws IOException {
    String text = Files.readString(TinyTraining.corpus(folder));
    Summary summary =
        train("none", text, estimator, "rollout.exploration=sampled", "rollout.samples=2");
    assertTrue(summary.reward() < 0.2, summary.toString());
    assertTrue(Double.isFinite(summary.valCe()), summary.toString());
  }
}
