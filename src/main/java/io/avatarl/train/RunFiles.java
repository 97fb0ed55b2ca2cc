package io.avatarl.train;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.OptimizerConfig.Schedule;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names in a run's folder, and how resuming treats these files. */
public final class RunFiles {
  public static final String CONFIG = "config.conf";
  public static final String SUMMARY = "summary.json";
  public static final String SAMPLES = "samples.json";
  public static final String CONTEXTS = "contexts.json";
  public static final String REPORT = "report.html";
  public static final String COMPARISON = "comparison.html";
  public static final String METRICS_FOLDER = "metrics";

  /** The folder of the model that a tracker registers, for Hugging Face's transformers. */
  public static final String EXPORTED = "huggingface";

  /** The file that names this run's MLflow run. */
  public static final String TRACKING = "tracking.json";

  private static final Pattern METRICS = Pattern.compile("steps-(\\d+)-(\\d+)\\.jsonl");

  private RunFiles() {}

  /**
   * Refuses to resume a run with settings that would make it a different run. Cadence, samples and
   * tracking may change, because they do not affect the weights. The corpus may move, because its
   * checksum is checked. For {@code steps} see {@link #stepsChanged}. The format of the rollout
   * table must stay: mixed formats are unreadable.
   *
   * @param before the run's settings, {@link ConfigReader#flat flat}; missing keys belong to a
   *     newer version
   * @throws UserError that names every key with its old and new value
   */
  static void requireSame(String run, Map<String, String> before, Map<String, String> now) {
    List<String> changed =
        ConfigReader.differences(before, now).stream()
            .filter(difference -> !mayChangeOnResume(difference))
            .toList();
    if (!changed.isEmpty()) {
      throw new UserError(
          run
              + ": the run was started with other settings ("
              + String.join("; ", changed)
              + "); resume it with the same settings, or start another run with --out");
    }
  }

  private static boolean mayChangeOnResume(String difference) {
    return difference.startsWith("evaluation.")
        || difference.startsWith("checkpoint.")
        || difference.startsWith("rolloutTable.") && !difference.startsWith("rolloutTable.format:")
        || difference.startsWith("sample.")
        || difference.startsWith("tracking.")
        || difference.startsWith("corpus.path:")
        || difference.startsWith("preset:")
        || difference.startsWith("steps:");
  }

  /**
   * Checks a changed number of steps. With a constant learning rate, the run ends in the same
   * weights as one that had this number from the beginning. Other schedules are spread over the
   * planned updates, so the updates before and after belong to two different schedules.
   *
   * @return a warning in that case
   * @throws UserError if the run already has more steps
   */
  static Optional<String> stepsChanged(String run, TrainerState trainer, TrainingConfig now) {
    if (now.steps() < trainer.step()) {
      throw new UserError(
          run
              + ": has "
              + trainer.step()
              + " steps already, more than steps = "
              + now.steps()
              + "; give a larger number, or leave it out");
    }
    String old = trainer.settings().get("steps");
    String value = Integer.toString(now.steps());
    return value.equals(old) || now.learner().optimizer().schedule() == Schedule.CONSTANT
        ? Optional.empty()
        : Optional.of(
            "steps: "
                + old
                + " → "
                + value
                + ": the learning-rate schedule is spread over the new number from now on, so the"
                + " weights will differ from a run that had it from the beginning");
  }

  /** Deletes the records of steps after a checkpoint; resuming repeats these steps. */
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
}
