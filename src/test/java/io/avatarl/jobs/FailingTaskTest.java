package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.train.ClusterRun;
import io.avatarl.train.FinishedRun;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine.Command;

/**
 * What fails inside a task, in processes as the scripts start them: all that standard error shows
 * is one line, and there is a checkpoint to go on from.
 */
class FailingTaskTest {
  private static final int MINUTES = 3;

  @TempDir static Path folder;
  private static Path corpus;
  private static Path preset;
  private static String weights;

  @BeforeAll
  static void train() throws IOException {
    corpus = TinyTraining.corpus(folder);
    preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    try (SparkSession spark = FinishedRun.spark()) {
      weights = weights(CommandResult.train(arguments(folder.resolve("undisturbed").toString())));
    }
  }

  private static String[] arguments(String run, String... more) {
    return Stream.concat(
            Stream.of("--preset", preset.toString(), "--corpus", corpus.toString(), "--out", run),
            Stream.of(more))
        .toArray(String[]::new);
  }

  private static String weights(CommandResult outcome) {
    return outcome
        .succeeds()
        .out()
        .lines()
        .filter(line -> line.startsWith("weights_sha256"))
        .findFirst()
        .orElseThrow();
  }

  private static CommandResult process(
      Map<String, String> properties, Class<?> mainClass, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    properties.forEach((key, value) -> command.add("-D" + key + "=" + value));
    command.add(mainClass.getName());
    command.addAll(List.of(arguments));
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    Process process =
        ClusterRun.driver(folder, command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
      process.destroyForcibly().waitFor();
    }
    return new CommandResult(process.exitValue(), Files.readString(out), Files.readString(err));
  }

  @ParameterizedTest
  @CsvSource({
    "'local[2]', FULL, checkpoints/step-000004, 1, No space left on device",
    "'local[2]', FULL, rollouts/.step=6, 1, No space left on device",
    "'local[2]', FORBIDDEN, rollouts/.step=6, 2, permission denied; name another place or change its rights",
    "'local[2]', NO_MEMORY, rollouts/.step=6, 1, Java heap space in a task on the driver; give it more (--driver-memory",
    "'local-cluster[1,2,1024]', FULL, rollouts/.step=6, 1, No space left on device",
    "'local-cluster[1,2,1024]', FORBIDDEN, rollouts/.step=6, 2, permission denied",
    "'local-cluster[1,2,1024]', NO_MEMORY, rollouts/.step=6, 1, Java heap space on executor 0 (127.0.0.1); give it more (--executor-memory"
  })
  void oneLineAndACheckpoint(
      String master, FaultyDisk.Fault fault, String victim, int code, String says)
      throws Exception {
    Path run = folder.resolve(master.replaceAll("\\W", "") + fault + victim.charAt(0));
    CommandResult outcome =
        process(
            Map.of(
                "ai.djl.offline",
                "true",
                "spark.master",
                master,
                "spark.ui.enabled",
                "false",
                "spark.executor.defaultJavaOptions",
                "-Dai.djl.offline=true",
                "spark.driver.host",
                "127.0.0.1",
                "spark.executor.extraClassPath",
                ClusterRun.classPath(),
                "spark.hadoop.fs.faultydisk.impl",
                FaultyDisk.class.getName(),
                "spark.hadoop." + FaultyDisk.VICTIM,
                victim,
                "spark.hadoop." + FaultyDisk.FAULT,
                fault.toString(),
                "log4j2.configurationFile",
                System.getProperty("log4j2.configurationFile")),
            TrainJob.class,
            arguments("faultydisk:" + run));
    assertEquals(code, outcome.code(), outcome.err());
    List<String> lines =
        outcome.err().lines().filter(line -> !line.matches("step \\d+/6 .*")).toList();
    assertEquals(1, lines.size(), outcome.err());
    assertTrue(lines.get(0).startsWith("error: "), outcome.err());
    assertTrue(lines.get(0).contains(says), outcome.err());
    List<CheckpointFolder> checkpoints =
        CheckpointFolder.list(new Storage(new Configuration()), run.toString());
    assertEquals(
        victim.startsWith("rollouts") ? 5 : 2, checkpoints.get(checkpoints.size() - 1).step());
    try (SparkSession spark = FinishedRun.spark()) {
      assertEquals(weights, weights(CommandResult.train(arguments(run.toString(), "--resume"))));
    }
  }

  /** A command that waits for a thread as Spark's jobs wait for its threads. */
  static final class Waiting {
    @Command(name = "waiting", mixinStandardHelpOptions = true)
    private static final class Job implements Callable<Integer> {
      @Override
      public Integer call() throws InterruptedException {
        new Thread(() -> System.out.println(new long[Integer.MAX_VALUE - 8].length)).start();
        Thread.sleep(TimeUnit.MINUTES.toMillis(2L * MINUTES));
        return 0;
      }
    }

    public static void main(String[] args) {
      io.avatarl.jobs.Job.main(new Job(), args);
    }
  }

  @Test
  void noThreadThatRunsOutOfMemoryIsWaitedFor() throws Exception {
    CommandResult outcome = process(Map.of(), Waiting.class);
    assertEquals(1, outcome.code(), outcome.err());
    assertEquals(1, outcome.err().lines().count(), outcome.err());
    assertTrue(outcome.err().startsWith("error: out of memory: Java heap space on the driver"));
  }
}
