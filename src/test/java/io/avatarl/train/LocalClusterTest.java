package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Executors in processes of their own, which come, go and repeat each other's work. (Spark
 * speculates on another host only: see {@code ClusterIT}, whose workers have addresses of their
 * own.)
 */
class LocalClusterTest {
  private static final String EXECUTORS = "learner.placement=executors";
  private static final String DRIVER = "learner.placement=driver";

  @TempDir static Path folder;
  private static Path corpus;
  private static Map<String, Map<String, String>> expected;

  @BeforeAll
  static void trainInOneProcess() throws Exception {
    corpus = TinyTraining.corpus(folder);
    expected = new HashMap<>();
    try (SparkSession spark = TinyTraining.spark("local[2]", Map.of())) {
      for (String placement : new String[] {EXECUTORS, DRIVER}) {
        Path run = folder.resolve("local-" + placement);
        Summary summary = TinyTraining.train(spark, corpus, run, placement);
        expected.put(placement, ClusterRun.figures(spark, run, summary));
      }
    }
  }

  private static void assertSame(String placement, Map<String, String> figures) {
    expected.get(placement).forEach((name, value) -> assertEquals(value, figures.get(name), name));
  }

  @Test
  void executorsThatComeAndGoChangeNothing() throws Exception {
    Map<String, String> figures =
        ClusterRun.of(
            "local-cluster[2,1,1024]",
            Map.of(
                "spark.plugins",
                ClusterTrouble.class.getName(),
                ClusterTrouble.DELAY,
                "1500",
                "spark.dynamicAllocation.enabled",
                "true",
                "spark.dynamicAllocation.shuffleTracking.enabled",
                "true",
                "spark.dynamicAllocation.minExecutors",
                "0",
                "spark.dynamicAllocation.initialExecutors",
                "1",
                "spark.dynamicAllocation.maxExecutors",
                "2",
                "spark.dynamicAllocation.schedulerBacklogTimeout",
                "1s",
                "spark.dynamicAllocation.sustainedSchedulerBacklogTimeout",
                "1s"),
            corpus,
            folder.resolve("allocation"),
            DRIVER);
    assertSame(DRIVER, figures);
    assertTrue(Integer.parseInt(figures.get("added")) > 1, figures.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {DRIVER, EXECUTORS})
  void anExecutorKilledInATaskChangesNothing(String placement) throws Exception {
    Path mark = Files.createDirectory(folder.resolve("kill-" + placement));
    Map<String, String> figures =
        ClusterRun.of(
            "local-cluster[2,1,1024]",
            Map.of(
                "spark.plugins",
                ClusterTrouble.class.getName(),
                ClusterTrouble.KILL,
                mark.toString()),
            corpus,
            folder.resolve("killed-" + placement),
            placement);
    assertSame(placement, figures);
    assertTrue(Files.exists(mark.resolve("killed")));
    assertTrue(Integer.parseInt(figures.get("removed")) > 0, figures.toString());
  }

  @Test
  void anExecutorLostInTheFinalEvaluationChangesNothing() throws Exception {
    Path mark = Files.createDirectory(folder.resolve("kill-evaluation"));
    Map<String, String> figures =
        ClusterRun.of(
            "local-cluster[2,1,1024]",
            Map.of(
                "spark.plugins",
                ClusterTrouble.class.getName(),
                ClusterTrouble.KILL,
                mark.toString(),
                ClusterTrouble.JOB,
                "final evaluation"),
            corpus,
            folder.resolve("killed-evaluation"),
            DRIVER);
    assertSame(DRIVER, figures);
    assertTrue(Files.exists(mark.resolve("killed")));
  }

  @ParameterizedTest
  @ValueSource(strings = {DRIVER, EXECUTORS})
  void theBytesAreThoseThatSparkMoves(String placement) throws Exception {
    Map<String, String> figures =
        ClusterRun.of(
            "local-cluster[1,2,1024]",
            Map.of(),
            corpus,
            folder.resolve("bytes-" + placement),
            placement,
            "steps=2",
            "model.width=64",
            "rollout.windowsPerUpdate=32");
    // Besides them there are evaluations, a snapshot, and a kilobyte or two that Spark adds to a
    // result.
    double moved = Double.parseDouble(figures.get("task_results")) / 2;
    assertEquals(moved, Double.parseDouble(figures.get("returned")), 0.05 * moved);
    // What the one executor fetched: the weights of each round, and the last.
    int rounds = placement.equals(EXECUTORS) ? 2 : 1;
    double fetched = Double.parseDouble(figures.get("fetched")) / (2 * rounds + 1) * rounds;
    assertEquals(fetched, Double.parseDouble(figures.get("broadcast")), 0.05 * fetched);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 8, 32})
  void theGradientComesBackOnceWhateverTheShards(int shards) throws Exception {
    String[] overrides = {
      EXECUTORS,
      "steps=2",
      "model.width=128",
      "rollout.windowsPerUpdate=32",
      "rollout.shards=" + shards,
      "evaluation.every=0"
    };
    Path local = folder.resolve("one process, shards " + shards);
    Summary expected;
    try (SparkSession spark = TinyTraining.spark("local[2]", Map.of())) {
      expected = TinyTraining.train(spark, corpus, local, overrides);
    }
    Map<String, String> figures =
        ClusterRun.of(
            "local-cluster[2,1,1024]",
            Map.of(),
            corpus,
            folder.resolve("cluster, shards " + shards),
            overrides);
    assertEquals(expected.weightsSha256(), figures.get("weights"));
    // Two updates a step, and one broadcast for each: 4 P M both ways.
    double once = Double.parseDouble(figures.get("broadcast"));
    assertEquals(once, Double.parseDouble(figures.get("returned")));
    assertEquals(expected.bytesPerStep().get("returned"), (long) once);
    double moved = Double.parseDouble(figures.get("task_results")) / 2;
    // As Spark counts them, final evaluation and all.
    assertTrue(moved <= 1.1 * once, () -> moved + " of " + once);
  }

  /** 200 rounds, each with a shuffle of its own and newly broadcast weights. */
  @Test
  void filesOfRoundsDoNotPileUp() throws Exception {
    Path local = Files.createDirectory(folder.resolve("local"));
    AtomicBoolean ended = new AtomicBoolean();
    AtomicInteger shuffles = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    Thread watch =
        new Thread(
            () -> {
              Set<String> seen = new HashSet<>();
              while (!ended.get()) {
                List<String> files = files(local);
                most.accumulateAndGet(files.size(), Math::max);
                files.stream().filter(f -> f.startsWith("shuffle_")).forEach(seen::add);
                LockSupport.parkNanos(20_000_000);
              }
              shuffles.set(seen.size());
            });
    watch.start();
    try {
      ClusterRun.of(
          "local-cluster[2,1,1024]",
          Map.of("spark.local.dir", local.toString()),
          corpus,
          folder.resolve("rounds"),
          EXECUTORS,
          "steps=100",
          "evaluation.every=0",
          "checkpoint.every=0",
          "rolloutTable.every=100");
    } finally {
      ended.set(true);
      watch.join();
    }
    // A shuffle of three tasks has at least six files, so 1,200 would be left.
    assertTrue(shuffles.get() > 100, shuffles + " files of shuffles seen");
    assertTrue(most.get() < 100, most + " files at once");
  }

  /** Names of all files, some of which are deleted meanwhile. */
  private static List<String> files(Path folder) {
    List<String> names = new ArrayList<>();
    File[] entries = Objects.requireNonNullElse(folder.toFile().listFiles(), new File[0]);
    for (File entry : entries) {
      if (entry.isDirectory()) {
        names.addAll(files(entry.toPath()));
      } else {
        names.add(entry.getName());
      }
    }
    return names;
  }
}
