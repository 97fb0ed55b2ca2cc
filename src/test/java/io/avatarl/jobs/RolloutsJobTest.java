package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RolloutsJobTest {
  @TempDir private static Path folder;
  private static String run;

  @BeforeAll
  static void train() throws IOException {
    System.setProperty("spark.master", "local[2]");
    run = folder.resolve("run").toString();
    Path text =
        Files.writeString(
            folder.resolve("text"), "to be or not to be, that is\nthe question.\n".repeat(20));
    CommandResult.train(
            "--corpus",
            text.toString(),
            "--out",
            run,
            "--set",
            "steps=2",
            "--set",
            "model.layers=1",
            "--set",
            "model.heads=1",
            "--set",
            "model.width=8",
            "--set",
            "model.context=8",
            "--set",
            "learner.updatesPerStep=2",
            "--set",
            "rollout.windowsPerUpdate=2",
            "--set",
            "rollout.shards=2",
            "--set",
            "sample.tokens=5")
        .succeeds();
  }

  @AfterAll
  static void clear() {
    System.clearProperty("spark.master");
  }

  private static String refused(String... args) {
    CommandResult outcome = CommandResult.rollouts(args);
    List<String> lines = outcome.err().lines().filter(l -> l.startsWith("error: ")).toList();
    assertEquals(2, outcome.code(), outcome.err());
    assertEquals(1, lines.size(), outcome.err());
    assertThat(outcome.err()).doesNotContain("\tat ");
    return lines.get(0);
  }

  @Test
  void showsTheNewestTableWithVisibleWhiteSpace() {
    CommandResult all = CommandResult.rollouts(run, "--limit", "200");
    assertEquals(0, all.code(), all.err());
    assertThat(all.out()).contains("tables of 2 steps (1 to 2)", "␣", "↵");
    assertTrue(all.out().lines().skip(1).allMatch(line -> line.length() <= 120), all.out());
    assertThat(CommandResult.rollouts(run, "--limit", "3").out()).contains("there are more");
  }

  @Test
  void showsOneGroupAndAnswersQueries() {
    // Step 2 begins after 4 windows of 8 positions.
    CommandResult group = CommandResult.rollouts(run, "--group", "32");
    assertThat(group.out()).contains("step 2, group 32");
    CommandResult json = CommandResult.rollouts(run, "--step", "1", "--limit", "2", "--json");
    assertEquals(2, json.out().lines().filter(line -> line.startsWith("{\"step\":1,")).count());
    CommandResult sql =
        CommandResult.rollouts(run, "--sql", "SELECT step, groups FROM progress ORDER BY step");
    assertEquals("   1      32", sql.out().lines().skip(2).findFirst().orElse(""), sql.out());
    CommandResult metrics =
        CommandResult.rollouts(
            run, "--sql", "SELECT count(*) AS n FROM metrics WHERE kind = 'update'");
    assertEquals("4", metrics.out().lines().skip(2).findFirst().orElse(""), metrics.out());
  }

  @Test
  void refusesInOneLine() throws Exception {
    assertThat(refused(folder + "/none")).contains("no such run");
    Path empty = Files.createDirectories(folder.resolve("empty"));
    assertThat(refused(empty.toString())).contains("has no rollout table yet");
    assertThat(refused(run, "--step", "7"))
        .contains("step 7 has no rollout table; there are steps 1, 2");
    assertThat(refused(run, "--group", "9999")).contains("no group 9999");
    assertThat(refused(run, "--limit", "0")).contains("--limit 0");
    assertThat(refused(run, "--sql", "SELEC 1")).contains("PARSE_SYNTAX_ERROR");
    assertThat(refused(run, "--sql", "SELECT nothing FROM groups")).contains("nothing");
    assertThat(refused(run, "--sql", "SELECT 1 / 0 AS x FROM groups")).contains("DIVIDE_BY_ZERO");
    assertThat(refused(run, "--sql", "SELECT 1", "--step", "1"))
        .contains("--sql cannot be combined");
    assertThat(refused(run, "--nonsense")).contains("--nonsense");
  }

  @Test
  void aQueryThatWritesTouchesNothing() throws Exception {
    List<String> before = files();
    boolean there = Files.exists(Path.of("spark-warehouse")); // of somebody who tried something
    Path table = folder.resolve("table");
    for (String sql :
        List.of(
            "INSERT OVERWRITE DIRECTORY '" + run + "/checkpoints' USING parquet SELECT 1",
            "CREATE TABLE t USING parquet LOCATION '" + table + "' AS SELECT * FROM rollouts",
            "DROP VIEW rollouts")) {
      assertTrue(refused(run, "--sql", sql).contains("only queries that read"), sql);
    }
    // Here Spark looks into its catalog, and makes the folder of tables.
    assertThat(refused(run, "--sql", "SELECT * FROM nowhere")).contains("nowhere");
    assertThat(CommandResult.rollouts(run, "--sql", "DESCRIBE rollouts").out())
        .contains("policy_version");
    assertThat(CommandResult.rollouts(run, "--sql", "SHOW TABLES").out()).contains("confusions");
    assertEquals(before, files());
    assertFalse(Files.exists(table));
    assertEquals(there, Files.exists(Path.of("spark-warehouse")));
    assertFalse(Files.exists(LocalFolders.warehouse()));
  }

  private static List<String> files() throws IOException {
    try (var files = Files.walk(Path.of(run))) {
      return files.map(Path::toString).sorted().toList();
    }
  }
}
