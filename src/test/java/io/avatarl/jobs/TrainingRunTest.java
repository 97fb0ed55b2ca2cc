package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.train.TinyTraining;
import io.avatarl.train.TrainingListener;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training as a cell of a notebook calls and cancels it. */
class TrainingRunTest {
  private static final int STEPS = 24;

  @TempDir static Path folder;
  private static SparkSession spark;
  private static Path corpus;
  private static Path preset;

  @BeforeAll
  static void start() throws IOException {
    spark = TinyTraining.spark("local[2]", Map.of());
    corpus = TinyTraining.corpus(folder);
    preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @AfterEach
  void theSessionIsUsable() {
    assertFalse(spark.sparkContext().isStopped());
    assertEquals(10, spark.range(10).count());
  }

  /** A step may take longer than whoever stops the job is willing to wait. */
  @Test
  void aStepThatDoesNotEndIsNotAwaitedForEver() throws Exception {
    Path run = folder.resolve("slow step");
    TrainingConfig config =
        ConfigReader.read("trial", TinyTraining.PRESET, List.of("corpus.path=" + corpus));
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    try (PrintStream lines = new PrintStream(err, true, StandardCharsets.UTF_8);
        TrainingConsole console = new TrainingConsole(lines, lines, OptionalInt.empty());
        TrainingRun training =
            new TrainingRun(
                TinyTraining.storage(),
                config,
                new CorpusSource(TinyTraining.storage(), folder.toString(), Map.of()),
                run.toString(),
                false,
                console,
                new TrainingListener() {})) {
      training.stop();
      training.awaitSaved(0);
    }
    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains("did not end in 0 seconds", "train.sh --resume-or-start --out ");
  }

  private static Map<String, Object> config(Path run, Object... more) {
    Map<String, Object> config = new HashMap<>();
    config.put("preset", preset.toString());
    config.put("corpus", corpus.toString());
    config.put("out", run.toString());
    for (int i = 0; i < more.length; i += 2) {
      config.put((String) more[i], more[i + 1]);
    }
    return config;
  }

  private static String sha256(Path run) throws IOException {
    return new ObjectMapper()
        .readTree(run.resolve("summary.json").toFile())
        .path("weights_sha256")
        .asText();
  }

  @Test
  void leavesTheRunOfTheCommand() throws Exception {
    Path called = folder.resolve("called");
    Path commanded = folder.resolve("commanded");
    Training training = Training.start(spark, config(called, "seed", 3));
    StringBuilder lines = new StringBuilder();
    for (String line = training.next(); line != null; line = training.next()) {
      lines.append(line).append('\n');
    }
    assertNull(training.next());
    assertEquals(called.toString(), training.result());
    CommandResult.train(
            "--preset", preset.toString(),
            "--corpus", corpus.toString(),
            "--out", commanded.toString(),
            "--set", "seed=3")
        .succeeds();
    assertEquals(sha256(commanded), sha256(called));
    assertEquals(names(commanded), names(called));
    assertThat(lines.toString()).startsWith("preset     trial, seed 3\n");
    assertThat(lines.toString())
        .contains("\nstep 6/6  0:00 left", "\nweights_sha256  " + sha256(called));
  }

  private static List<String> names(Path run) throws IOException {
    try (var files = Files.list(run)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void mistakesAreSaidInOneLine() {
    Path run = folder.resolve("mistaken");
    UserError unknown =
        assertThrows(UserError.class, () -> Training.run(spark, config(run, "stepz", 3)));
    assertThat(unknown.getMessage()).contains("unknown key \"stepz\"");
    assertThrows(UserError.class, () -> Training.run(spark, Map.of("preset", "smoke")));
    assertThrows(
        UserError.class, () -> Training.run(spark, config(run, "resume", true))); // No such run.
    assertFalse(Files.exists(run));
  }

  private interface Cancel {
    void of(Thread cell);
  }

  private static void cancelGroup(Thread cell) {
    spark.sparkContext().cancelJobGroup("cell");
  }

  private static boolean threeStepsAreDone(Path run) {
    return Files.exists(run.resolve("rollouts/step=3/_SUCCESS"));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void cancelledByItsJobGroup(int ahead) throws Exception {
    cancelledAndResumed(
        "group-" + ahead,
        TrainingRunTest::threeStepsAreDone,
        TrainingRunTest::cancelGroup,
        false,
        "rollout.ahead",
        ahead);
  }

  /** Where executors learn, updates of a step may have been made that no checkpoint can hold. */
  @Test
  void cancelledBetweenTheUpdatesOfAStep() throws Exception {
    String third = "step 4: update 3 of 12 on executors";
    Set<String> begun = ConcurrentHashMap.newKeySet();
    SparkListener listener =
        new SparkListener() {
          @Override
          public void onJobStart(SparkListenerJobStart start) {
            begun.add(start.properties().getProperty("spark.job.description", ""));
          }
        };
    spark.sparkContext().addSparkListener(listener);
    Object[] executors = {"learner.placement", "executors", "learner.updatesPerStep", 12};
    try {
      List<String> left =
          cancelledAndResumed(
              "rounds",
              run -> begun.contains(third),
              TrainingRunTest::cancelGroup,
              false,
              executors);
      assertEquals(List.of("step-000003"), left);
    } finally {
      spark.sparkContext().removeSparkListener(listener);
    }
    Dataset<Row> updates =
        spark.read().json(folder.resolve("rounds/metrics").toString()).where("kind = 'update'");
    assertEquals(STEPS * 12, updates.count());
    assertEquals(STEPS * 12, updates.select("update").distinct().count());
  }

  @Test
  void cancelledWithAllJobs() throws Exception {
    cancelledAndResumed(
        "all",
        TrainingRunTest::threeStepsAreDone,
        cell -> spark.sparkContext().cancelAllJobs(),
        false);
  }

  @Test
  void cancelledByAnInterrupt() throws Exception {
    cancelledAndResumed("interrupt", TrainingRunTest::threeStepsAreDone, Thread::interrupt, true);
  }

  /**
   * Cancels a cell once its run is ready, and goes on.
   *
   * @return the checkpoints that cancelling left
   */
  private static List<String> cancelledAndResumed(
      String name, Predicate<Path> ready, Cancel cancel, boolean interrupts, Object... more)
      throws Exception {
    Path run = folder.resolve(name);
    // No checkpoint but the one that cancelling leaves.
    Map<String, Object> config = config(run, more);
    config.putAll(
        Map.of(
            "steps", STEPS, "checkpoint.every", 0, "rolloutTable.every", 1, "evaluation.every", 0));
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    AtomicBoolean interrupted = new AtomicBoolean();
    Thread cell =
        new Thread(
            () -> {
              spark.sparkContext().setJobGroup("cell", "a cell", true);
              try {
                Training.run(spark, config);
              } catch (Throwable t) {
                thrown.set(t);
              }
              interrupted.set(Thread.currentThread().isInterrupted());
            });
    cell.start();
    while (cell.isAlive() && !ready.test(run)) {
      Thread.sleep(5);
    }
    while (cell.isAlive()) { // There may be no job at the moment.
      cancel.of(cell);
      cell.join(10);
    }
    assertTrue(thrown.get() instanceof CancellationException, String.valueOf(thrown.get()));
    assertEquals(interrupts, interrupted.get());
    assertFalse(Files.exists(run.resolve("summary.json")));
    List<String> checkpoints = names(run.resolve("checkpoints"));
    assertEquals(1, checkpoints.size(), checkpoints.toString());
    assertTrue(checkpoints.get(0).compareTo("step-000002") >= 0, checkpoints.toString());

    Training.run(spark, Map.of("out", run.toString(), "resume", true));
    Path whole = folder.resolve("whole-" + List.of(more));
    if (!Files.exists(whole)) {
      config.put("out", whole.toString());
      Training.run(spark, config);
    }
    assertEquals(sha256(whole), sha256(run));
    return checkpoints;
  }
}
