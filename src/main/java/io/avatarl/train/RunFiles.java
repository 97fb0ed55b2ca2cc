package io.avatarl.train;

import io.avatarl.files.Storage;
import io.avatarl.rollout.RolloutStatistics;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names in a run's folder and what resuming does to them. */
public final class RunFiles {
  public static final String CONFIG = "config.conf";
  public static final String SUMMARY = "summary.json";
  public static final String SAMPLES = "samples.json";
  public static final String CONTEXTS = "contexts.json";
  public static final String REPORT = "report.html";
  public static final String COMPARISON = "comparison.html";
  public static final String METRICS_FOLDER = "metrics";

  /** Which MLflow run this run is. */
  static final String TRACKING = "tracking.json";

  private static final Pattern METRICS = Pattern.compile("steps-(\\d+)-(\\d+)\\.jsonl");

  private RunFiles() {}

  /**
   * Whether a run may go on with this difference ({@code key: old → new}): cadence, samples and
   * tracking do not touch the weights, and wherever the corpus lies, its checksum holds. A table in
   * two formats could not be read.
   */
  static boolean mayChangeOnResume(String difference) {
    return difference.startsWith("evaluation.")
        || difference.startsWith("checkpoint.")
        || difference.startsWith("rollouts.") && !difference.startsWith("rollouts.format:")
        || difference.startsWith("sample.")
        || difference.startsWith("tracking.")
        || difference.startsWith("corpus.path:")
        || difference.startsWith("preset:");
  }

  /** Removes the records of steps after a checkpoint, which will be made again. */
  static void dropMetricsAfter(Storage storage, String run, long step) {
    String folder = Storage.resolve(run, METRICS_FOLDER);
    if (!storage.exists(folder)) {
      return;
    }
    for (String name : storage.list(folder)) {
      Matcher matcher = METRICS.matcher(name);
      if (matcher.matches() && Long.parseLong(matcher.group(2)) > step) {
        storage.delete(Storage.resolve(folder, name));
      }
    }
  }

  /** Counts so far, as a checkpoint keeps them. */
  static RolloutStatistics totals(Checkpoint.Trainer trainer) {
    return RolloutStatistics.counts(trainer.groups(), trainer.rollouts());
  }
}
