package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.NativeEngine;
import io.avatarl.train.Trial;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.Progressable;
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

  /** A local disk that goes wrong when a file of a given name is written in a given step. */
  public static final class SmallDisk extends RawLocalFileSystem {
    static volatile String victim;
    static volatile boolean forbidden;

    @Override
    public URI getUri() {
      return URI.create("smalldisk:///");
    }

    @Override
    public void initialize(URI uri, Configuration configuration) throws IOException {
      super.initialize(getUri(), configuration);
    }

    @Override
    public FSDataOutputStream create(
        org.apache.hadoop.fs.Path file,
        boolean overwrite,
        int buffer,
        short replication,
        long block,
        Progressable progress)
        throws IOException {
      if (victim == null || !file.toString().contains(victim)) {
        return super.create(file, overwrite, buffer, replication, block, progress);
      }
      if (forbidden) {
        throw new AccessControlException("Permission denied: " + file);
      }
      FSDataOutputStream disk = super.create(file, overwrite, buffer, replication, block, progress);
      return new FSDataOutputStream(
          new OutputStream() {
            private int left = 100;

            @Override
            public void write(int b) throws IOException {
              if (left-- == 0) {
                throw new IOException("No space left on device");
              }
              disk.write(b);
            }

            @Override
            public void close() throws IOException {
              disk.close();
            }
          },
          null);
    }
  }

  @BeforeAll
  static void train() throws IOException {
    spark =
        Trial.spark(
            "local[2]", Map.of("spark.hadoop.fs.smalldisk.impl", SmallDisk.class.getName()));
    corpus = Trial.corpus(folder);
    preset = Files.writeString(folder.resolve("trial.conf"), Trial.PRESET);
    weights = weights(train(folder.resolve("undisturbed").toString()).succeeds());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Outcome train(String run, String... more) {
    String[] all = {
      "--preset", preset.toString(), "--corpus", corpus.toString(), "--out", run,
    };
    String[] joined = Arrays.copyOf(all, all.length + more.length);
    System.arraycopy(more, 0, joined, all.length, more.length);
    return Outcome.train(joined);
  }

  private static String weights(Outcome outcome) {
    return outcome
        .out()
        .lines()
        .filter(line -> line.startsWith("weights_sha256"))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @CsvSource({
    "checkpoints/step-000004, false, 1, No space left on device",
    "checkpoints/step-000004, true, 2, permission denied",
    "/metrics/, false, 1, No space left on device",
    "rollouts/.step=6, false, 1, No space left on device",
    "rollouts/.step=6, true, 2, permission denied"
  })
  void aDiskThatFailsStopsTheRunAndLeavesACheckpoint(
      String victim, boolean forbidden, int code, String says) {
    Path run = folder.resolve(("run " + victim + forbidden).replaceAll("\\W", ""));
    SmallDisk.forbidden = forbidden;
    SmallDisk.victim = victim;
    Outcome outcome = train("smalldisk:" + run);
    SmallDisk.victim = null;
    assertEquals(code, outcome.code(), outcome.err());
    List<String> errors = outcome.err().lines().filter(line -> line.startsWith("error: ")).toList();
    assertEquals(1, errors.size(), outcome.err());
    assertTrue(errors.get(0).contains("Cannot write smalldisk:" + run), errors.get(0));
    assertTrue(errors.get(0).contains(says), errors.get(0));
    assertFalse(outcome.err().contains("\tat "), outcome.err());
    assertFalse(Files.exists(run.resolve("summary.json")));
    // With room again it ends as if nothing had been.
    Outcome resumed = train("smalldisk:" + run, "--resume").succeeds();
    assertEquals(weights, weights(resumed));
    assertEquals(
        List.of(2L, 4L, 6L),
        CheckpointFolder.list(new Storage(new Configuration()), run.toString()).stream()
            .map(CheckpointFolder::step)
            .toList());
  }

  private static Outcome failing(Callable<Integer> task) {
    @Command(name = "failing", mixinStandardHelpOptions = true)
    final class Failing implements Callable<Integer> {
      @Override
      public Integer call() throws Exception {
        return task.call();
      }
    }

    return Outcome.of((out, err) -> new Failing());
  }

  @Test
  void memoryThatPyTorchCannotHaveIsOneLine() {
    NativeEngine.load(1);
    Outcome outcome =
        failing(
            () -> {
              try (NDManager manager = NDManager.newBaseManager()) {
                manager.zeros(new Shape(1L << 50));
                return 0;
              }
            });
    assertEquals(1, outcome.code());
    assertEquals(1, outcome.err().lines().count(), outcome.err());
    assertTrue(outcome.err().startsWith("error: out of memory: "), outcome.err());
    assertTrue(outcome.err().contains("rollout.windowsPerUpdate"), outcome.err());
  }

  @Test
  void heapThatIsNotThereIsOneLine() {
    Outcome outcome = failing(() -> new long[1 << 30].length + new long[1 << 30].length);
    assertEquals(1, outcome.code());
    assertEquals(1, outcome.err().lines().count(), outcome.err());
    assertTrue(outcome.err().startsWith("error: out of memory: Java heap"), outcome.err());
    assertTrue(outcome.err().contains("--driver-memory"), outcome.err());
  }

  @Test
  void whatNobodyForesawKeepsItsStackTrace() {
    Outcome outcome =
        failing(
            () -> {
              throw new IllegalStateException("a bug");
            });
    assertEquals(1, outcome.code());
    assertTrue(outcome.err().contains("\tat "), outcome.err());
  }
}
