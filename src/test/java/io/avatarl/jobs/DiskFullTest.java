package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.NativeEngine;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine.Command;

/**
 * What fails under a run that was right to begin with: one line, and a checkpoint to go on from.
 */
class DiskFullTest {
  @TempDir static Path folder;
  private static SparkSession spark;
  private static Path corpus;
  private static Path preset;
  private static String weights;

  @BeforeAll
  static void train() throws IOException {
    spark =
        TinyTraining.spark(
            "local[2]", Map.of("spark.hadoop.fs.faultydisk.impl", FaultyDisk.class.getName()));
    corpus = TinyTraining.corpus(folder);
    preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    weights = weights(train(folder.resolve("undisturbed").toString()).succeeds());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static CommandResult train(String run, String... more) {
    String[] all = {
      "--preset", preset.toString(), "--corpus", corpus.toString(), "--out", run,
    };
    String[] joined = Arrays.copyOf(all, all.length + more.length);
    System.arraycopy(more, 0, joined, all.length, more.length);
    return CommandResult.train(joined);
  }

  private static String weights(CommandResult outcome) {
    return outcome
        .out()
        .lines()
        .filter(line -> line.startsWith("weights_sha256"))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @CsvSource({
    "checkpoints/step-000004, FULL, 1, No space left on device",
    "checkpoints/step-000004, FORBIDDEN, 2, permission denied",
    "/metrics/, FULL, 1, No space left on device",
    "rollouts/.step=6, FULL, 1, No space left on device",
    "rollouts/.step=6, FORBIDDEN, 2, permission denied"
  })
  void aDiskThatFailsStopsTheRunAndLeavesACheckpoint(
      String victim, FaultyDisk.Fault fault, int code, String says) {
    Path run = folder.resolve(("run " + victim + fault).replaceAll("\\W", ""));
    FaultyDisk.fault = fault;
    FaultyDisk.victim = victim;
    CommandResult outcome = train("faultydisk:" + run);
    FaultyDisk.victim = null;
    assertEquals(code, outcome.code(), outcome.err());
    List<String> errors = outcome.err().lines().filter(line -> line.startsWith("error: ")).toList();
    assertEquals(1, errors.size(), outcome.err());
    assertThat(errors.get(0)).contains("Cannot write faultydisk:" + run, says);
    assertThat(outcome.err()).doesNotContain("\tat ");
    assertFalse(Files.exists(run.resolve("summary.json")));
    // With room again it ends as if nothing had been.
    CommandResult resumed = train("faultydisk:" + run, "--resume").succeeds();
    assertEquals(weights, weights(resumed));
    assertEquals(
        // A failing task leaves the last complete step, where none was due.
        victim.startsWith("rollouts") ? List.of(4L, 5L, 6L) : List.of(2L, 4L, 6L),
        CheckpointFolder.list(new Storage(new Configuration()), run.toString()).stream()
            .map(CheckpointFolder::step)
            .toList());
  }

  private static CommandResult failing(Callable<Integer> task) {
    @Command(name = "failing", mixinStandardHelpOptions = true)
    final class Failing implements Callable<Integer> {
      @Override
      public Integer call() throws Exception {
        return task.call();
      }
    }

    return CommandResult.of((out, err) -> new Failing());
  }

  @Test
  void memoryThatPyTorchCannotHaveIsOneLine() {
    NativeEngine.load(1);
    CommandResult outcome =
        failing(
            () -> {
              try (NDManager manager = NDManager.newBaseManager()) {
                manager.zeros(new Shape(1L << 50));
                return 0;
              }
            });
    assertEquals(1, outcome.code());
    assertEquals(1, outcome.err().lines().count(), outcome.err());
    assertThat(outcome.err()).startsWith("error: out of memory: ");
    assertThat(outcome.err()).contains("rollout.windowsPerUpdate");
  }

  @Test
  void heapThatIsNotThereIsOneLine() {
    CommandResult outcome = failing(() -> new long[1 << 30].length + new long[1 << 30].length);
    assertEquals(1, outcome.code());
    assertEquals(1, outcome.err().lines().count(), outcome.err());
    assertThat(outcome.err()).startsWith("error: out of memory: Java heap");
    assertThat(outcome.err()).contains("--driver-memory");
  }

  @Test
  void whatNobodyForesawKeepsItsStackTrace() {
    CommandResult outcome =
        failing(
            () -> {
              throw new IllegalStateException("a bug");
            });
    assertEquals(1, outcome.code());
    assertThat(outcome.err()).contains("\tat ");
  }
}
