package io.avatarl.config;

import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A failure that is neither a user's mistake nor a bug: a full disk, no memory, a diverging loss.
 * The message is one line: what happened, where, and how to fix it. Every command prints it without
 * a stack trace and exits with code 1.
 */
public class Failure extends RuntimeException {
  /** The setting for more heap on the driver. */
  public static final String DRIVER_HEAP = "--driver-memory 4g";

  /** What PyTorch's allocators say, on the CPU and on a GPU. */
  private static final Pattern NATIVE =
      Pattern.compile("(?s).*(can't allocate memory|CUDA out of memory).*");

  /** What Spark says when a task lost its executor as often as a task may fail. */
  private static final Pattern LOST =
      Pattern.compile("(?s).*ExecutorLostFailure \\((executor \\S+) [^)]*\\) Reason: (\\V*).*");

  /** What Spark says when it could not write its own files, as those of a shuffle. */
  private static final Pattern FULL =
      Pattern.compile(
          "(?s).* \\((\\S+) executor (\\S+)\\): \\S*: (No space left on device|Disk quota exceeded)"
              + ".*");

  /** What Spark says when a round's results exceed its limit. */
  private static final Pattern RESULTS =
      Pattern.compile("(?s).*(Total size of serialized results \\V* is bigger than \\V*).*");

  /** What Spark says when it is called after it stopped. */
  private static final Pattern STOPPED =
      Pattern.compile("(?s).*(stopped SparkContext|SparkContext has been shutdown).*");

  /** What Spark says to a call that is waiting when it stops. */
  private static final String SHUT_DOWN = "cancelled because SparkContext was shut down";

  public Failure(String message) {
    super(message);
  }

  /**
   * Translates a throwable or one of its causes; empty if it is of no known kind. The result has no
   * cause, so that it can travel to another JVM without an {@link OutOfMemoryError}.
   *
   * @param place whose heap it is, as in "on the driver"
   * @param heap the setting for more of it
   */
  public static Optional<Failure> of(Throwable e, String place, String heap) {
    for (Throwable t = e; t != null; t = t.getCause()) {
      String message = String.valueOf(t.getMessage());
      if (t instanceof Failure failure) {
        return Optional.of(failure);
      }
      if (t instanceof OutOfMemoryError) {
        return Optional.of(
            new Failure(
                String.format(
                    "out of memory: %s %s; give it more (%s), or make the model or the step smaller",
                    message, place, heap)));
      }
      if (NATIVE.matcher(message).matches()) {
        return Optional.of(
            new Failure(
                String.format(
                    "out of memory: %s %s; lower rollout.windowsPerUpdate, evaluation.batch or the"
                        + " model's size",
                    message.lines().findFirst().orElse(""), place)));
      }
      Matcher lost = LOST.matcher(message);
      if (lost.matches()) {
        return Optional.of(
            new Failure(
                String.format(
                    "executors died again and again, the last one was %s: %s; its log says why."
                        + " If it ran out of memory (exit codes 52 and 137), give executors more"
                        + " (--executor-memory 4g,"
                        + " spark.executor.memoryOverhead)",
                    lost.group(1), lost.group(2).strip())));
      }
      Matcher full = FULL.matcher(message);
      if (full.matches()) {
        return Optional.of(
            new Failure(
                String.format(
                    "%s: the local folder of executor %s (%s) is full; free some space there, or"
                        + " choose another one (spark.local.dir)",
                    full.group(3), full.group(2), full.group(1))));
      }
      Matcher results = RESULTS.matcher(message);
      if (results.matches()) {
        return Optional.of(
            new Failure(
                results.group(1)
                    + "; raise it (--conf spark.driver.maxResultSize=0 is no limit), or lower"
                    + " rollout.shards"));
      }
      if (t instanceof IllegalStateException && STOPPED.matcher(message).matches()
          || message.contains(SHUT_DOWN)) {
        return Optional.of(
            new Failure(
                "Spark stopped before the command ended: its master could not be reached, or the"
                    + " application was stopped from outside; the log says which"));
      }
      // Errors on Spark's own files (spark.local.dir) and the JVM's arrive untranslated.
      if (t instanceof UncheckedIOException || message.contains("No space left on device")) {
        return Optional.of(new Failure(message));
      }
    }
    return Optional.empty();
  }
}
