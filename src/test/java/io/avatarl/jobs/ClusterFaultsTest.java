package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.PythonVenv;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.train.ClusterRun;
import io.avatarl.train.ClusterTrouble;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Drivers, in processes as the scripts start them, whose cluster does not do what is asked of it.
 */
class ClusterFaultsTest {
  private static final int MINUTES = 4;

  @TempDir static Path folder;
  private static Path corpus;
  private static Path preset;

  @BeforeAll
  static void write() throws IOException {
    corpus = TinyTraining.corpus(folder);
    preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
  }

  private record Driver(Process process, Path log) {
    List<String> lines() throws IOException {
      return Files.readAllLines(log).stream()
          .filter(line -> !line.matches("step \\d+/.*"))
          .toList();
    }

    void await(String text) throws IOException, InterruptedException {
      long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(MINUTES);
      while (!Files.readString(log).contains(text)) {
        assertTrue(process.isAlive() && System.nanoTime() < end, Files.readString(log));
        Thread.sleep(100);
      }
    }
  }

  /** Standard error goes to the log. */
  private static Driver train(Path run, Map<String, String> settings) throws IOException {
    Map<String, String> all =
        new HashMap<>(
            Map.of(
                "ai.djl.offline",
                "true",
                "spark.master",
                "local-cluster[1,1,1024]",
                "spark.ui.enabled",
                "false",
                "spark.executor.defaultJavaOptions",
                "-Dai.djl.offline=true",
                "spark.driver.host",
                "127.0.0.1",
                "spark.executor.extraClassPath",
                ClusterRun.classPath(),
                "log4j2.configurationFile",
                Path.of("conf/log4j2.properties").toUri().toString()));
    all.putAll(settings);
    List<String> command = new ArrayList<>();
    all.forEach((key, value) -> command.add("-D" + key + "=" + value));
    command.add(TrainJob.class.getName());
    command.addAll(List.of("--preset", preset.toString(), "--corpus", corpus.toString()));
    command.addAll(List.of("--set", "steps=2000", "--out", run.toString()));
    Path log = folder.resolve(run.getFileName() + ".log");
    Process process =
        ClusterRun.driver(folder, command)
            .redirectOutput(folder.resolve("out").toFile())
            .redirectError(log.toFile())
            .start();
    return new Driver(process, log);
  }

  private static long savedStep(Path run) {
    List<CheckpointFolder> all =
        CheckpointFolder.list(new Storage(new Configuration()), run.toString());
    return all.isEmpty() ? 0 : all.get(all.size() - 1).step();
  }

  /** Workers of one core, and executors of two. */
  @Test
  void whoWaitsIsToldForWhatAndCanBeStopped() throws Exception {
    Path run = folder.resolve("waiting");
    Driver driver = train(run, Map.of("spark.executor.cores", "2"));
    try {
      driver.await("WARNING: waiting for executors for 15 s");
      driver.process.destroy();
      assertTrue(PythonVenv.ends(driver.process, 30, TimeUnit.SECONDS), driver.lines().toString());
      List<String> lines = driver.lines();
      assertTrue(lines.get(0).contains("local-cluster[1,1,1024] has given none"), lines.toString());
      assertTrue(lines.get(0).contains("asked for 1g of memory, 2 cores each"), lines.toString());
      assertTrue(lines.get(1).startsWith("stopping: "), lines.toString());
      assertTrue(lines.get(2).startsWith("stopped; continue with: "), lines.toString());
      assertEquals(3, lines.size(), lines.toString());
      assertEquals(143, driver.process.exitValue());
    } finally {
      driver.process.destroyForcibly();
    }
  }

  /** Each new executor ends as one does whose local folder is full. */
  @Test
  void executorsThatDieOneAfterAnotherEndTheRun() throws Exception {
    Path run = folder.resolve("dying");
    Driver driver =
        train(
            run,
            Map.of(
                "spark.plugins",
                ClusterTrouble.class.getName(),
                ClusterTrouble.KILL,
                folder.toString(),
                ClusterTrouble.DIE,
                "53"));
    try {
      assertTrue(PythonVenv.ends(driver.process, MINUTES, TimeUnit.MINUTES));
      List<String> lines = driver.lines();
      String last = lines.get(lines.size() - 1);
      assertTrue(last.startsWith("error: executors died one after another"), lines.toString());
      assertThat(last).contains("at last executor ");
      assertEquals(1, driver.process.exitValue());
      assertTrue(savedStep(run) > 0, "nothing was saved");
    } finally {
      driver.process.destroyForcibly();
    }
  }

  /** Spark's own default is 1 GB; the commands ask for no limit unless somebody sets one. */
  @Test
  void littleRoomForResultsIsSaidInALine() throws Exception {
    Path run = folder.resolve("results");
    Driver driver = train(run, Map.of("spark.driver.maxResultSize", "20k"));
    try {
      assertTrue(PythonVenv.ends(driver.process, MINUTES, TimeUnit.MINUTES));
      List<String> lines = driver.lines();
      assertEquals(1, lines.size(), lines.toString());
      assertThat(lines.get(0)).startsWith("error: Total size of serialized results");
      assertThat(lines.get(0)).contains("spark.driver.maxResultSize");
      assertEquals(1, driver.process.exitValue());
    } finally {
      driver.process.destroyForcibly();
    }
  }
}
