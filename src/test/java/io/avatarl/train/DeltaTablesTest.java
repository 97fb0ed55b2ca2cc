package io.avatarl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.UserError;
import io.avatarl.spark.Rollouts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rollout table as a Delta table, in a session that has no setting of Delta's. */
class DeltaTablesTest {
  @TempDir private static Path folder;
  private static SparkSession spark;
  private static Path corpus;
  private static List<String> expected;

  @BeforeAll
  static void start() throws IOException {
    corpus = TinyTraining.corpus(folder);
    // Three attempts of a task.
    spark = TinyTraining.spark("local[2,3]", Map.of("spark.plugins", FailingTasks.class.getName()));
    Path parquet = folder.resolve("parquet");
    TinyTraining.train(spark, corpus, parquet, with());
    expected = TinyTraining.sorted(Rollouts.read(spark, parquet.toString()));
    assertFalse(expected.isEmpty());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static String[] with(String... overrides) {
    List<String> all =
        // With rollouts one step ahead, a stop has more to throw away.
        new ArrayList<>(
            List.of("steps=5", "checkpoint.every=2", "rolloutTable.every=1", "rollout.ahead=1"));
    all.addAll(List.of(overrides));
    return all.toArray(String[]::new);
  }

  private static String[] delta(String... overrides) {
    List<String> all = new ArrayList<>(List.of("rolloutTable.format=delta"));
    all.addAll(List.of(overrides));
    return with(all.toArray(String[]::new));
  }

  /** As any program reads it. */
  private static Dataset<Row> plain(Path run) {
    return spark.read().format("delta").load(run + "/rollouts");
  }

  private static void assertSameRows(Path run) {
    assertEquals(expected, TinyTraining.sorted(Rollouts.read(spark, run.toString())));
    assertEquals(expected, TinyTraining.sorted(plain(run)));
    assertEquals(Rollouts.SCHEMA, Rollouts.read(spark, run.toString()).schema());
    assertEquals(List.of(1L, 2L, 3L, 4L, 5L), Rollouts.steps(spark, run.toString()));
  }

  private static List<String> hidden(Path run) throws IOException {
    try (var files = Files.list(run.resolve("rollouts"))) {
      return files.map(f -> f.getFileName().toString()).filter(n -> n.startsWith(".")).toList();
    }
  }

  @Test
  void hasTheRowsOfTheParquetTable() throws IOException {
    Path run = folder.resolve("whole");
    TinyTraining.train(spark, corpus, run, delta());
    assertSameRows(run);
    assertEquals(List.of(), hidden(run));
    assertTrue(Files.isDirectory(run.resolve("rollouts/step=5")));
    SparkSession other = spark.newSession();
    Rollouts.registerViews(other, run.toString());
    assertEquals(5, other.sql("SELECT * FROM progress").count());
    assertTrue(other.sql("SELECT * FROM groups").count() > 5);
    assertThrows(UserError.class, () -> Rollouts.requireStep(spark, run.toString(), 6));
  }

  @Test
  void aTaskThatFailsWritesOnce() {
    FailingTasks.failAfter(7);
    Path run = folder.resolve("failing");
    TinyTraining.train(spark, corpus, run, delta());
    assertEquals(1, FailingTasks.failed());
    assertSameRows(run);
  }

  @Test
  void stoppedAndTwiceResumedItHasTheSameRows() throws IOException {
    Path run = folder.resolve("resumed");
    assertTrue(TinyTraining.trainUntil(3, spark, corpus, run, delta()).isEmpty());
    Summary first = TinyTraining.resume(spark, corpus, run, delta());
    delete(run.resolve("checkpoints/step-000005"));
    // A step that was killed before its commit.
    Files.createDirectories(run.resolve("rollouts/.step=5"));
    Summary second = TinyTraining.resume(spark, corpus, run, delta());
    assertEquals(first.weightsSha256(), second.weightsSha256());
    assertSameRows(run);
    assertEquals(List.of(), hidden(run));
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void aFirstWriteThatWasKilledIsNoTable() throws IOException {
    Path rollouts = folder.resolve("killed/rollouts");
    Files.createDirectories(rollouts.resolve("_delta_log"));
    Files.createDirectories(rollouts.resolve("step=1"));
    String message =
        assertThrows(UserError.class, () -> Rollouts.read(spark, folder + "/killed")).getMessage();
    assertThat(message).contains("has no rollout table yet");
  }

  @Test
  void aRunKeepsItsFormat() {
    Path run = folder.resolve("kept");
    TinyTraining.trainUntil(2, spark, corpus, run, with());
    String message =
        assertThrows(UserError.class, () -> TinyTraining.resume(spark, corpus, run, delta()))
            .getMessage();
    assertThat(message).contains("rolloutTable.format");
  }

  @Test
  void aTableWithoutTheLibrarySaysWhatToAdd() {
    Path run = folder.resolve("unreadable");
    TinyTraining.train(spark, corpus, run, delta("steps=1"));
    String message =
        HiddenLibrary.hide(
            "io.delta.",
            () ->
                assertThrows(UserError.class, () -> Rollouts.read(spark, run.toString()))
                    .getMessage());
    assertThat(message).contains("rollouts is a Delta table", "--packages io.delta:delta-spark_");
  }
}
