package io.avatarl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.config.UserError;
import io.avatarl.model.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs that end because they get no better, and what goes on from them. */
class EarlyStoppingTest {
  private static final int STEPS = 18;
  private static final int PATIENCE = 2;

  /** A learning rate that ruins what was learnt in the second half. */
  private static final String[] RUINOUS = {
    "steps=" + STEPS,
    "learner.optimizer.learningRate=0.3",
    "learner.optimizer.warmup=36",
    "learner.optimizer.clipNorm=0",
    "evaluation.every=1",
    "checkpoint.every=1",
    "rolloutTable.every=1"
  };

  @TempDir static Path folder;
  private static Path corpus;
  private static SparkSession spark;

  @BeforeAll
  static void start() throws IOException {
    corpus = TinyTraining.corpus(folder);
    spark = FinishedRun.spark();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static String[] ruinous(String... more) {
    return Stream.concat(Arrays.stream(RUINOUS), Arrays.stream(more)).toArray(String[]::new);
  }

  private static List<Double> valCe(Path run) {
    return TinyTraining.metrics(run).stream()
        .filter(record -> record.path("kind").asText().equals("evaluation"))
        .map(record -> record.path("val_ce").asDouble())
        .toList();
  }

  /** The first step after which the last {@code PATIENCE} evaluations brought nothing. */
  private static int end(List<Double> valCe) {
    double best = Double.POSITIVE_INFINITY;
    int since = 0;
    for (int i = 0; i < valCe.size(); i++) {
      since = valCe.get(i) < best ? 0 : since + 1;
      best = Math.min(best, valCe.get(i));
      if (since == PATIENCE) {
        return i + 1;
      }
    }
    throw new AssertionError("never: " + valCe);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aRunThatGetsNoBetterEndsAndGoesOnWhenAsked(int ahead) throws IOException {
    String[] forever = ruinous("rollout.ahead=" + ahead);
    String[] patient = ruinous("rollout.ahead=" + ahead, "evaluation.patience=" + PATIENCE);
    Path whole = folder.resolve("whole-" + ahead);
    Summary unstopped = TinyTraining.train(spark, corpus, whole, forever);
    int end = end(valCe(whole));
    assertTrue(end < STEPS, "ends after " + end);

    List<String> said = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void endsEarly(long step, String why) {
            said.add(step + ": " + why);
          }
        };
    Path run = folder.resolve("early-" + ahead);
    Summary summary =
        TinyTraining.training(corpus, run, false, listener, patient).run(spark).orElseThrow();
    assertEquals(end, summary.steps());
    assertEquals(end * 2, summary.updates());
    assertEquals(valCe(whole).subList(0, end), valCe(run));
    assertEquals(1, said.size(), said.toString());
    assertThat(said.get(0))
        .startsWith(end + ": 2 evaluations in a row without a lower val_ce than ");
    assertThat(said.get(0)).contains("after step " + (end - PATIENCE) + " ");
    // Nothing is left of the step that had begun.
    assertTrue(Files.exists(run.resolve("rollouts/step=" + end)));
    assertFalse(Files.exists(run.resolve("rollouts/step=" + (end + 1))));
    assertFalse(Files.exists(run.resolve("rollouts/.step=" + (end + 1))));
    JsonNode contexts = TinyTraining.json(run.resolve("contexts.json"));
    assertThat(contexts.toString()).contains("\"step\":" + end);

    // Stopped by a signal while it counts, and resumed, it ends in the same place and bits.
    Path interrupted = folder.resolve("interrupted-" + ahead);
    assertTrue(TinyTraining.trainUntil(end - 1, spark, corpus, interrupted, patient).isEmpty());
    Summary resumed = TinyTraining.resume(spark, corpus, interrupted, patient);
    assertEquals(summary.weightsSha256(), resumed.weightsSha256());
    assertEquals(summary.valCe(), resumed.valCe());
    assertEquals(summary.bytesPerStep(), resumed.bytesPerStep());
    assertEquals(TinyTraining.metrics(run), TinyTraining.metrics(interrupted));

    // Resumed at its end it is only scored again; without patience it goes on.
    assertEquals(
        summary.weightsSha256(), TinyTraining.resume(spark, corpus, run, patient).weightsSha256());
    Summary further = TinyTraining.resume(spark, corpus, run, forever);
    assertEquals(STEPS, further.steps());
    assertEquals(unstopped.weightsSha256(), further.weightsSha256());
    assertEquals(TinyTraining.metrics(whole), TinyTraining.metrics(run));
  }

  @Test
  void theBestCheckpointIsStillThere() {
    Path run = folder.resolve("best");
    TinyTraining.train(
        spark, corpus, run, ruinous("evaluation.patience=" + PATIENCE, "checkpoint.keep=1"));
    int end = valCe(run).size();
    assertEquals(
        List.of(end - (long) PATIENCE, (long) end),
        CheckpointFolder.list(TinyTraining.storage(), run.toString()).stream()
            .map(CheckpointFolder::step)
            .toList());
  }

  @Test
  void patienceCountsEvaluations() {
    UserError error =
        assertThrows(
            UserError.class,
            () ->
                TinyTraining.train(
                    spark,
                    corpus,
                    folder.resolve("refused"),
                    "evaluation.every=0",
                    "evaluation.patience=3"));
    assertThat(error.getMessage()).contains("evaluation.patience: 3 counts");
  }
}
