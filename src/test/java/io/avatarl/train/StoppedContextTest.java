package io.avatarl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.PythonVenv;
import io.avatarl.config.Failure;
import io.avatarl.model.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Somebody else stops the Spark context that a run works in. */
class StoppedContextTest {
  private static final String DRIVER = "learner.placement=driver";
  private static final String EXECUTORS = "learner.placement=executors";
  private static final String RARE = "checkpoint.every=0";
  private static final String SAYS = "Spark stopped before the command ended";
  private static final int AFTER = 3;

  @TempDir static Path folder;
  private static Path corpus;

  @BeforeAll
  static void write() throws IOException {
    corpus = TinyTraining.corpus(folder);
  }

  /** Stops the context when the learner begins to learn for the n-th time. */
  private static TrainingListener stopper(SparkSession spark, int learning) {
    AtomicInteger begun = new AtomicInteger();
    return new TrainingListener() {
      @Override
      public void stage(String name) {
        if (name.equals("learn") && begun.incrementAndGet() == learning) {
          spark.sparkContext().stop();
        }
      }
    };
  }

  /** Trains until the context is gone; what that comes to. */
  private static String stopped(SparkSession spark, Path text, Path run, String... settings) {
    // Of six steps with two updates each: in the fourth step.
    int learning = List.of(settings).contains(DRIVER) ? AFTER + 1 : 2 * AFTER + 2;
    try (Trainer training =
        TinyTraining.training(text, run, false, stopper(spark, learning), settings)) {
      Throwable end = assertThrows(Throwable.class, () -> training.run(spark));
      return Failure.of(end, "", "").orElseThrow(() -> new AssertionError(end)).getMessage();
    }
  }

  /** A driver whose executors are processes of their own. */
  static final class Cluster {
    public static void main(String[] args) throws IOException {
      Map<String, String> settings =
          Map.of("spark.executor.extraClassPath", ClusterRun.classPath());
      try (SparkSession spark = TinyTraining.spark("local-cluster[1,1,1024]", settings)) {
        System.out.println(
            "RESULT " + stopped(spark, Path.of(args[0]), Path.of(args[1]), args[2], RARE));
      }
    }
  }

  private static void assertGoesOn(Path run, String placement) throws IOException {
    List<CheckpointFolder> saved = CheckpointFolder.list(TinyTraining.storage(), run.toString());
    // The learner was at step 4, and finished that.
    assertEquals(AFTER + 1, saved.get(saved.size() - 1).step());
    try (SparkSession spark = FinishedRun.spark()) {
      Path whole = run.resolveSibling(run.getFileName() + "-whole");
      Summary expected = TinyTraining.train(spark, corpus, whole, placement, RARE);
      Summary summary = TinyTraining.resume(spark, corpus, run, placement, RARE);
      assertEquals(expected.weightsSha256(), summary.weightsSha256());
    }
  }

  @Test
  void aRunInOneProcessEndsInALineAndGoesOn() throws IOException {
    Path run = folder.resolve("local");
    try (SparkSession spark = FinishedRun.spark()) {
      assertTrue(stopped(spark, corpus, run, DRIVER, RARE).startsWith(SAYS));
    }
    assertGoesOn(run, DRIVER);
  }

  @ParameterizedTest
  @ValueSource(strings = {DRIVER, EXECUTORS})
  void aRunOnAClusterAsWell(String placement) throws Exception {
    Path run = folder.resolve("cluster-" + placement);
    Path log = folder.resolve(run.getFileName() + ".txt");
    List<String> command = new ArrayList<>();
    command.addAll(List.of(Cluster.class.getName(), corpus.toString(), run.toString(), placement));
    Process process =
        ClusterRun.driver(folder, command)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    assertTrue(PythonVenv.ends(process, 3, TimeUnit.MINUTES));
    String said = Files.readString(log);
    assertThat(said).contains("RESULT " + SAYS);
    assertGoesOn(run, placement);
  }
}
