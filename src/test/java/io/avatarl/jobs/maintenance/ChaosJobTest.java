package io.avatarl.jobs.maintenance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.jobs.CommandResult;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jobs/chaos.sh}: real processes, killed and resumed. */
class ChaosJobTest {
  @TempDir static Path folder;

  @Test
  void aRunKilledSeveralTimesEndsLikeTheUndisturbedOne() throws IOException {
    Path preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    CommandResult outcome =
        chaos(
                "--kills",
                "3",
                "--kills-per-run",
                "3",
                "--set",
                "steps=10",
                "--preset",
                preset.toString(),
                "--corpus",
                TinyTraining.corpus(folder).toString())
            .succeeds();
    List<String> lines = outcome.out().lines().toList();
    assertTrue(lines.get(0).startsWith("seed 1, 3 kills"), outcome.out());
    String last = lines.get(lines.size() - 1);
    assertThat(last).startsWith("3 kills: all runs ended in weights_sha256 ");
    assertEquals(1, outcome.err().lines().filter(line -> line.endsWith(": equal")).count());
    // A killed process leaves no summary: these were killed under way.
    assertFalse(outcome.err().contains("DIFFERENT"));
  }

  @Test
  void findsEveryDifference() throws IOException {
    Path whole = run("whole", 1, 0.5, "rows");
    assertEquals(List.of(), ChaosJob.differences(whole, run("same", 7, 0.5, "rows")));
    assertDiffers("records", whole, run("record", 1, 0.25, "rows"));
    assertDiffers("rollout tables", whole, run("rows", 1, 0.5, "row"));
    Path twice = run("twice", 1, 0.5, "rows");
    Files.copy(
        twice.resolve("metrics/steps-000001-000001.jsonl"),
        twice.resolve("metrics/steps-000001-000002.jsonl"));
    assertDiffers("records", whole, twice);
    Path hole = run("hole", 1, 0.5, "rows");
    Files.delete(hole.resolve("rollouts/step=1/part-00000.parquet"));
    assertDiffers("rollout tables", whole, hole);
    Path weights = run("weights", 1, 0.5, "rows");
    Files.writeString(
        weights.resolve("summary.json"), "{\"train_seconds\": 1, \"weights_sha256\": \"b\"}");
    assertDiffers("summary", whole, weights);
  }

  private static void assertDiffers(String what, Path whole, Path run) throws IOException {
    List<String> differences = ChaosJob.differences(whole, run);
    assertEquals(1, differences.size(), differences.toString());
    assertThat(differences.get(0)).startsWith(what + ": ");
  }

  private static Path run(String name, int seconds, double reward, String rows) throws IOException {
    Path run = folder.resolve(name);
    Files.createDirectories(run.resolve("metrics"));
    Files.createDirectories(run.resolve("rollouts/step=1"));
    Files.writeString(
        run.resolve("summary.json"),
        "{\"train_seconds\": " + seconds + ", \"weights_sha256\": \"a\"}");
    Files.writeString(
        run.resolve("metrics/steps-000001-000001.jsonl"),
        "{\"reward\": " + reward + ", \"seconds\": " + seconds + "}\n");
    Files.writeString(run.resolve("rollouts/step=1/part-00000.parquet"), rows);
    return run;
  }

  private static CommandResult chaos(String... arguments) {
    return CommandResult.of(ChaosJob::new, arguments);
  }
}
