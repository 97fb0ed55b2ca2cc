package io.avatarl.config;

import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What is nobody's mistake but no bug either: a full disk, no memory, a diverging loss. The message
 * is one line: what happened, where, and how to fix it. Every command prints it without a stack
 * trace and exits with code 1.
 */
public class Failure extends RuntimeException {
  /** The setting for more heap on the driver. */
  public static final String DRIVER_HEAP = "--driver-memory 4g";

  /** What PyTorch's allocators say, on the CPU and on a GPU. */
  private static final Pattern NATIVE =
      Pattern.compile("(?s).*(can't allocate memory|CUDA out of memory).*");

  /** What Spark says when a task's executors died, as often as a task may fail. */
  private static final Pattern LOST =
      Pattern.compile("(?s).*ExecutorLostFailure \\((executor \\S+) [^)]*\\) Reason: (\\V*).*");

  /** What Spark says when a round brings back more than it may. */
  private static final Pattern RESULTS =
      Pattern.compile("(?s).*(Total size of serialized results \\V* is bigger than \\V*).*");

  /** What Spark says to a call that comes after its own end. */
  private static final String STOPPED = "stopped SparkContext";

  public Failure(String message) {
    super(message);
  }

  /**
   * What a throwable or one of its causes comes to; empty for what nobody foresaw. It has no cause
   * itself, so that it can go from one JVM to another and no {@link OutOfMemoryError} goes with it.
   *
   * @param place that the heap belongs to, as in "on the driver"
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
                    "executors died again and again, at last %s: %s; its log says why. Where it was"
                        + " memory (codes 52 and 137), give executors more (--executor-memory 4g,"
                        + " spark.executor.memoryOverhead)",
                    lost.group(1), lost.group(2).strip())));
      }
      Matcher results = RESULTS.matcher(message);
      if (results.matches()) {
        return Optional.of(
            new Failure(
                results.group(1)
                    + "; raise it (--conf spark.driver.maxResultSize=0 is no limit), or lower"
                    + " rollout.shards"));
      }
      if (t instanceof IllegalStateException && message.contains(STOPPED)) {
        return Optional.of(
            new Failure(
                "Spark ended before the command did: its master could not be reached, or the"
                    + " application was stopped from outside; what was logged says which"));
      }
      // Spark's own files (spark.local.dir) and the JVM's come as they are.
      if (t instanceof UncheckedIOException || message.contains("No space left on device")) {
        return Optional.of(new Failure(message));
      }
    }
    return Optional.empty();
  }
}
