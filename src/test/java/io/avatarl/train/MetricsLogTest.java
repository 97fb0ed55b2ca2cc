package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsLogTest {
  /** A run without evaluations and checkpoints holds its records in memory, but not a week's. */
  @Test
  void whatWaitsIsBounded(@TempDir Path folder) throws Exception {
    MetricsLog log =
        new MetricsLog(TinyTraining.storage(), folder.toString(), 1, TrainingListener.NONE);
    long step = 0;
    while (!log.isLong()) {
      step++;
      log.add(MetricsRecords.warning(step, "x".repeat(1000)));
    }
    assertTrue(step < 10_000, step + " steps");
    log.flush(step);
    assertFalse(log.isLong());
    Path file = folder.resolve(String.format("metrics/steps-000001-%06d.jsonl", step));
    assertEquals(step, Files.readAllLines(file).size());
  }
}
