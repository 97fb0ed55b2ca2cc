package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.ConfigReader;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.train.Training;
import io.avatarl.train.TrainingListener;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RolloutsJobTest {
  @TempDir private static Path folder;
  private static String run;

  /** What a command printed. */
  private record Outcome(int code, String out, String err) {}

  @BeforeAll
  static void train() {
    System.setProperty("spark.master", "local[2]");
    run = folder.resolve("run").toString();
    byte[] text =
        "to be or not to be, that is\nthe question.\n".repeat(20).getBytes(StandardCharsets.UTF_8);
    try (SparkSession spark =
        SparkSession.builder().config("spark.ui.enabled", false).getOrCreate()) {
      new Training(
              spark,
              ConfigReader.read(
                  "test",
                  "",
                  List.of(
                      "steps=2",
                      "model.layers=1",
                      "model.heads=1",
                      "model.width=8",
                      "model.context=8",
                      "learner.updatesPerStep=2",
                      "rollout.windowsPerUpdate=2",
                      "rollout.shards=2",
                      "sample.tokens=5")),
              new CorpusSource.Found(text, "test", false, List.of()),
              run,
              false,
              new TrainingListener() {})
          .run();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @AfterAll
  static void clear() {
    System.clearProperty("spark.master");
  }

  private static Outcome rollouts(String... args) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    ByteArrayOutputStream complained = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
    try {
      int code = Job.run(new RolloutsJob(), args);
      return new Outcome(
          code,
          printed.toString(StandardCharsets.UTF_8),
          complained.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  private static String refused(String... args) {
    Outcome outcome = rollouts(args);
    List<String> lines = outcome.err.lines().filter(l -> l.startsWith("error: ")).toList();
    assertEquals(2, outcome.code, outcome.err);
    assertEquals(1, lines.size(), outcome.err);
    assertFalse(outcome.err.contains("\tat "), outcome.err);
    return lines.get(0);
  }

  @Test
  void showsTheNewestTableWithVisibleWhiteSpace() {
    Outcome all = rollouts(run, "--limit", "200");
    assertEquals(0, all.code, all.err);
    assertTrue(all.out.contains("tables of 2 steps (1 to 2)"), all.out);
    assertTrue(all.out.contains("␣"), all.out);
    assertTrue(all.out.contains("↵"), all.out);
    assertTrue(all.out.lines().skip(1).allMatch(line -> line.length() <= 120), all.out);
    assertTrue(rollouts(run, "--limit", "3").out.contains("there are more"));
  }

  @Test
  void showsOneGroupAndAnswersQueries() {
    // Step 2 begins after 4 windows of 8 positions.
    Outcome group = rollouts(run, "--group", "32");
    assertTrue(group.out.contains("step 2, group 32"), group.out);
    Outcome json = rollouts(run, "--step", "1", "--limit", "2", "--json");
    assertEquals(2, json.out.lines().filter(line -> line.startsWith("{\"step\":1,")).count());
    Outcome sql = rollouts(run, "--sql", "SELECT step, groups FROM progress ORDER BY step");
    assertEquals("   1      32", sql.out.lines().skip(2).findFirst().orElse(""), sql.out);
    Outcome metrics =
        rollouts(run, "--sql", "SELECT count(*) AS n FROM metrics WHERE kind = 'update'");
    assertEquals("4", metrics.out.lines().skip(2).findFirst().orElse(""), metrics.out);
  }

  @Test
  void refusesInOneLine() throws Exception {
    assertTrue(refused(folder + "/none").contains("no such run"));
    Path empty = Files.createDirectories(folder.resolve("empty"));
    assertTrue(refused(empty.toString()).contains("has no rollout table yet"));
    assertTrue(
        refused(run, "--step", "7").contains("step 7 has no rollout table; there are steps 1, 2"));
    assertTrue(refused(run, "--group", "9999").contains("no group 9999"));
    assertTrue(refused(run, "--limit", "0").contains("--limit 0"));
    assertTrue(refused(run, "--sql", "SELEC 1").contains("PARSE_SYNTAX_ERROR"));
    assertTrue(refused(run, "--sql", "SELECT nothing FROM groups").contains("nothing"));
    assertTrue(refused(run, "--sql", "SELECT 1 / 0 AS x FROM groups").contains("DIVIDE_BY_ZERO"));
    assertTrue(refused(run, "--sql", "SELECT 1", "--step", "1").contains("--sql goes without"));
    assertTrue(refused(run, "--nonsense").contains("--nonsense"));
  }
}
