package io.avatarl.train;

import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.TaskContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.SparkPlugin;
import org.apache.spark.util.TaskCompletionListener;

/**
 * A Spark plugin that makes tasks fail: their work is done, and then lost with the attempt, as when
 * an executor dies. Spark runs them again.
 */
public final class FailingTasks implements SparkPlugin {
  private static final AtomicInteger UNTIL_FAILURE = new AtomicInteger(-1);
  private static final AtomicInteger FAILED = new AtomicInteger();

  /** The task that starts after {@code others} others fails. */
  static void failAfter(int others) {
    FAILED.set(0);
    UNTIL_FAILURE.set(others);
  }

  /** Tasks that failed since the last call of {@link #failAfter}. */
  static int failed() {
    return FAILED.get();
  }

  @Override
  public DriverPlugin driverPlugin() {
    return null;
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new ExecutorPlugin() {
      @Override
      public void onTaskStart() {
        if (UNTIL_FAILURE.get() >= 0 && UNTIL_FAILURE.getAndDecrement() == 0) {
          TaskContext.get()
              .addTaskCompletionListener(
                  (TaskCompletionListener)
                      context -> {
                        FAILED.incrementAndGet();
                        throw new IllegalStateException("a test makes this task fail");
                      });
        }
      }
    };
  }
}
