package io.avatarl.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.files.Storage;

/**
 * A run's {@link MetricsRecords}, {@code RUN/metrics/}: JSON lines, one per update, evaluation and
 * warning ({@code kind}). Object stores cannot append, so records are written in files of
 * consecutive steps, named after the first and the last.
 */
final class MetricsLog {
  /** Characters that wait in memory at most, where neither evaluations nor checkpoints are due. */
  static final int LONG = 8 << 20;

  private final Storage storage;
  private final String folder;
  private final TrainingListener listener;
  private final StringBuilder pending = new StringBuilder();
  private long firstStep;

  /**
   * @param firstStep step of the next records
   * @param listener hears of every record and of every file
   */
  MetricsLog(Storage storage, String run, long firstStep, TrainingListener listener) {
    this.listener = listener;
    this.storage = storage;
    this.folder = Storage.resolve(run, RunFiles.METRICS_FOLDER);
    this.firstStep = firstStep;
  }

  void add(ObjectNode record) {
    pending.append(record).append('\n');
    listener.recorded(record);
  }

  /** Whether so much waits that it should be written after this step. */
  boolean isLong() {
    return pending.length() >= LONG;
  }

  /** Writes the records of the steps up to {@code lastStep}. */
  void flush(long lastStep) {
    if (pending.length() > 0) {
      String name = String.format("steps-%06d-%06d.jsonl", firstStep, lastStep);
      storage.writeString(Storage.resolve(folder, name), pending.toString());
      pending.setLength(0);
      listener.flushed(firstStep, lastStep);
      firstStep = lastStep + 1;
    }
  }
}
