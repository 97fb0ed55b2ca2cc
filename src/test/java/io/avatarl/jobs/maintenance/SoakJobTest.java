package io.avatarl.jobs.maintenance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.jobs.CommandResult;
import io.avatarl.train.FinishedRun;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SoakJobTest {
  @TempDir static Path folder;

  @Test
  void slopeByHand() {
    List<SoakJob.Sample> samples =
        List.of(
            new SoakJob.Sample(10, 0, 1, 5, 7),
            new SoakJob.Sample(20, 0, 2, 5, 6),
            new SoakJob.Sample(30, 0, 6, 5, 5));
    // Σ (x - 20)(y - 3) / Σ (x - 20)² = (20 + 0 + 30) / 200
    assertEquals(0.25, SoakJob.slope(samples, SoakJob.Sample::heap));
    assertEquals(0, SoakJob.slope(samples, SoakJob.Sample::memory));
    assertEquals(-0.1, SoakJob.slope(samples, SoakJob.Sample::threads), 1e-15);
  }

  @Test
  void showsWhatTheProcessHolds() throws IOException {
    Path preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    try (SparkSession spark = FinishedRun.spark()) {
      CommandResult outcome =
          soak(
              "--steps",
              "8",
              "--samples",
              "8",
              "--preset",
              preset.toString(),
              "--corpus",
              TinyTraining.corpus(folder).toString());
      // So few steps say nothing about slopes, but all of it is there.
      List<String> lines = outcome.out().lines().toList();
      assertEquals(2 + 8 + 3 + 1, lines.size(), outcome.out());
      assertTrue(lines.get(9).matches("\\s*8 .*"), outcome.out());
      for (String cell : lines.get(9).strip().split("\\s+")) {
        assertTrue(Double.parseDouble(cell) > 0, outcome.out());
      }
    }
  }

  private static CommandResult soak(String... arguments) {
    return CommandResult.of(SoakJob::new, arguments);
  }
}
