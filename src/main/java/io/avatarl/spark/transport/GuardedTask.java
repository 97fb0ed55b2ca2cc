package io.avatarl.spark.transport;

import io.avatarl.config.Failure;
import io.avatarl.config.UserError;
import java.io.Serializable;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.Function;

/**
 * A task that returns its {@link UserError} or {@link Failure} as a value, because Spark would log
 * a thrown one several times with its stack trace. A failure that a retry may fix is thrown so that
 * Spark retries the task; on the last attempt it is returned.
 */
public final class GuardedTask<T> implements Function<Integer, GuardedTask.Result<T>> {
  /** {@code local[threads]} or {@code local[threads, failures]}. */
  private static final Pattern LOCAL =
      Pattern.compile("local(?:\\[[^,\\]]*(?:,\\s*(\\d+)\\s*)?])?");

  private final Function<Integer, T> task;
  private final int attempts;

  /**
   * @param attempts how often Spark tries a task
   */
  public GuardedTask(Function<Integer, T> task, int attempts) {
    this.task = task;
    this.attempts = attempts;
  }

  /** How often Spark tries a task before it gives up. */
  public static int attempts(SparkConf conf) {
    Matcher local = LOCAL.matcher(conf.get("spark.master"));
    if (local.matches()) {
      return local.group(1) == null ? 1 : Integer.parseInt(local.group(1));
    }
    return conf.getInt("spark.task.maxFailures", 4);
  }

  /** The outcome of a task. */
  public sealed interface Result<T> extends Serializable {
    /** The task's value; throws the task's failure. */
    T get();

    /** The task's value, or {@code other} if it failed. */
    T orElse(T other);

    /** Maps the value with a function. */
    <U> Result<U> map(java.util.function.Function<T, U> function);
  }

  private record Value<T>(T value) implements Result<T> {
    @Override
    public T get() {
      return value;
    }

    @Override
    public T orElse(T other) {
      return value;
    }

    @Override
    public <U> Result<U> map(java.util.function.Function<T, U> function) {
      return new Value<>(function.apply(value));
    }
  }

  private record Failed<T>(RuntimeException failure) implements Result<T> {
    @Override
    public T get() {
      throw failure;
    }

    @Override
    public T orElse(T other) {
      return other;
    }

    @Override
    public <U> Result<U> map(java.util.function.Function<T, U> function) {
      return new Failed<>(failure);
    }
  }

  @Override
  public Result<T> call(Integer part) throws Exception {
    try {
      return new Value<>(task.call(part));
    } catch (Throwable t) { // On a fatal error Spark would end the JVM, in local mode the driver's.
      Optional<? extends RuntimeException> foreseen = foreseen(t);
      if (foreseen.isEmpty()) {
        throw t;
      }
      RuntimeException failure = foreseen.get();
      boolean last = TaskContext.get().attemptNumber() + 1 >= attempts;
      if (last || failure instanceof UserError) {
        return new Failed<>(failure);
      }
      throw failure;
    }
  }

  private static Optional<? extends RuntimeException> foreseen(Throwable e) {
    Optional<UserError> mistake = UserError.in(e);
    if (mistake.isPresent()) {
      // The driver may not have the class of the cause.
      return Optional.of(new UserError(mistake.get().getMessage()));
    }
    String executor = SparkEnv.get().executorId();
    return executor.equals("driver")
        ? Failure.of(e, "in a task on the driver", Failure.DRIVER_HEAP)
        : Failure.of(
            e,
            "on executor "
                + executor
                + " ("
                + SparkEnv.get().blockManager().blockManagerId().host()
                + ")",
            "--executor-memory 4g");
  }
}
