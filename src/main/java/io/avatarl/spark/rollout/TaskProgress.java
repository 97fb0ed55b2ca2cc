package io.avatarl.spark.rollout;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.util.LongAccumulator;
import scala.Tuple4;
import scala.collection.Iterator;

/**
 * Progress of tasks, even within a task: what they add to an accumulator, as reported by the
 * executors' heartbeats (every 10 s) and when tasks end.
 */
final class TaskProgress extends SparkListener {
  private final LongAccumulator counted;
  private final LongConsumer told;

  /** Counts of running tasks. */
  private final Map<Long, Long> running = new ConcurrentHashMap<>();

  /**
   * @param told gets the count so far, on a thread of Spark
   */
  TaskProgress(LongAccumulator counted, LongConsumer told) {
    this.counted = counted;
    this.told = told;
  }

  @Override
  public void onExecutorMetricsUpdate(SparkListenerExecutorMetricsUpdate update) {
    for (Iterator<?> tasks = update.accumUpdates().iterator(); tasks.hasNext(); ) {
      Tuple4<?, ?, ?, ?> task = (Tuple4<?, ?, ?, ?>) tasks.next();
      Iterator<?> values = ((scala.collection.Iterable<?>) task._4()).iterator();
      while (values.hasNext()) {
        AccumulableInfo value = (AccumulableInfo) values.next();
        if (value.id() == counted.id()
            && value.update().isDefined()
            && value.update().get() instanceof Number number) {
          running.put((Long) task._1(), number.longValue());
        }
      }
    }
    tell();
  }

  @Override
  public void onTaskEnd(SparkListenerTaskEnd end) {
    running.remove(end.taskInfo().taskId());
    tell();
  }

  private void tell() {
    told.accept(counted.value() + running.values().stream().mapToLong(Long::longValue).sum());
  }
}
