package io.avatarl.jobs.maintenance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.jobs.CommandResult;
import io.avatarl.train.FinishedRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScaleJobTest {
  @TempDir static Path folder;
  private static SparkSession spark;
  private static Path run;

  @BeforeAll
  static void train() throws Exception {
    spark = FinishedRun.spark();
    run = FinishedRun.of(spark, folder, "learner.placement=executors");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @Test
  void theRunThatGaveTheConstantsIsPredictedExactly() {
    CommandResult outcome = scale("2=" + run, "--workers", "8,64").succeeds();
    List<String> lines = outcome.out().lines().toList();
    assertThat(lines.get(0)).contains("learner on executors, 2 rounds of 3 shards");
    String point =
        lines.stream().filter(line -> line.strip().startsWith("2 ")).findFirst().orElseThrow();
    assertEquals(0, Math.abs(Double.parseDouble(point.strip().split(" +")[3])), point);
    assertEquals(2, lines.stream().filter(line -> line.strip().matches("(8|64) .*")).count());
  }

  /** Where links were held down, their bytes take the time that they take. */
  @Test
  void aSlowLinkAddsItsBytes() throws Exception {
    CommandResult outcome = scale("1=" + run, "1@0.001=" + run).succeeds();
    List<String> lines = outcome.out().lines().toList();
    String point =
        lines.stream().filter(line -> line.contains(" 0.001 ")).findFirst().orElseThrow();
    String[] fields = point.strip().split(" +");
    JsonNode bytes =
        new ObjectMapper().readTree(run.resolve("summary.json").toFile()).path("bytes_per_step");
    double all = bytes.path("broadcast").asDouble() + bytes.path("returned").asDouble();
    double expected = Double.parseDouble(fields[2]) + all / 125_000;
    assertEquals(expected, Double.parseDouble(fields[3]), 2e-4, point);
  }

  @Test
  void refusesWhatIsNoMeasuredRun() throws Exception {
    scale(run.toString()).refuses("SLOTS=RUN");
    scale("2@=" + run).refuses("SLOTS=RUN");
    scale("2@0.0=" + run).refuses("SLOTS=RUN");
    scale("2=" + folder).refuses("holds no run");
    Path unfinished = Files.createDirectory(folder.resolve("unfinished"));
    Files.copy(run.resolve("config.conf"), unfinished.resolve("config.conf"));
    scale("2=" + unfinished).refuses("not finished");
  }

  private static CommandResult scale(String... arguments) {
    return CommandResult.of((out, err) -> new ScaleJob(out), arguments);
  }
}
