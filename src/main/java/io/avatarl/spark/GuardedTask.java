package io.avatarl.spark;

import io.avatarl.config.Failure;
import io.avatarl.config.UserError;
import java.io.Serializable;
import java.util.Optional;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.Function;

/**
 * A task whose {@link UserError} or {@link Failure} travels back as a value, where Spark would log
 * it several times over with its stack trace. What may be gone at the next attempt is thrown, so
 * that Spark makes it, until the last one.
 */
final class GuardedTask<T> implements Function<Integer, GuardedTask.Result<T>> {
  private final Function<Integer, T> task;
  private final int attempts;

  /**
   * @param attempts that Spark makes at a task
   */
  GuardedTask(Function<Integer, T> task, int attempts) {
    this.task = task;
    this.attempts = attempts;
  }

  /**
   * What a task came to.
   *
   * @param failure null where there is a value
   */
  record Result<T>(T value, RuntimeException failure) implements Serializable {
    T get() {
      if (failure != null) {
        throw failure;
      }
      return value;
    }
  }

  @Override
  public Result<T> call(Integer part) throws Exception {
    try {
      return new Result<>(task.call(part), null);
    } catch (Throwable t) { // Spark ends the JVM, in local mode the driver's, at a fatal error.
      RuntimeException foreseen = foreseen(t);
      if (foreseen == null) {
        throw t;
      }
      boolean last = TaskContext.get().attemptNumber() + 1 >= attempts;
      if (last || foreseen instanceof UserError) {
        return new Result<>(null, foreseen);
      }
      throw foreseen;
    }
  }

  private static RuntimeException foreseen(Throwable e) {
    Optional<UserError> mistake = UserError.in(e);
    if (mistake.isPresent()) {
      // Its cause may be of a class that the driver does not have.
      return new UserError(mistake.get().getMessage());
    }
    String executor = SparkEnv.get().executorId();
    return (executor.equals("driver")
            ? Failure.of(e, "in a task on the driver", Failure.DRIVER_HEAP)
            : Failure.of(
                e,
                "on executor "
                    + executor
                    + " ("
                    + SparkEnv.get().blockManager().blockManagerId().host()
                    + ")",
                "--executor-memory 4g"))
        .orElse(null);
  }
}
