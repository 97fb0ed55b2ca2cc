package io.avatarl.spark.transport;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.rdd.RDD;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction2;

/**
 * The function that Spark calls for each shard of a job. It is passed to {@code runJob} instead of
 * using {@code map} and {@code collect}: these contain lambdas, and to clean them Spark reads the
 * bytecode of their classes, which takes milliseconds per job.
 *
 * @param <T> what a task returns
 */
public final class ShardFunction<T>
    extends AbstractFunction2<TaskContext, Iterator<Integer>, byte[]> implements Serializable {
  private final Function<Integer, T> task;
  private final String run;
  private final boolean oneJvm;

  private ShardFunction(Function<Integer, T> task, String run, boolean oneJvm) {
    this.task = task;
    this.run = run;
    this.oneJvm = oneJvm;
  }

  /** The numbers 0, …, {@code shards} − 1, each in a partition of its own. */
  public static JavaRDD<Integer> numbers(JavaSparkContext spark, int shards) {
    List<Integer> numbers = new ArrayList<>(IntStream.range(0, shards).boxed().toList());
    return spark.parallelize(numbers, shards);
  }

  /**
   * Runs a job with this thread's local properties.
   *
   * @param run the results belong to
   * @return results in the order of the numbers
   */
  public static <T> List<T> run(
      JavaSparkContext spark, RDD<Integer> numbers, Function<Integer, T> task, String run) {
    ClassTag<byte[]> tag = ClassTag$.MODULE$.apply(byte[].class);
    byte[][] results =
        (byte[][]) spark.sc().runJob(numbers, new ShardFunction<>(task, run, spark.isLocal()), tag);
    List<T> values = new ArrayList<>();
    for (int i = 0; i < results.length; i++) {
      InProcessTransfer<T> result = JavaSerialization.fromBytes(results[i]);
      results[i] = null; // A gradient is not held as bytes while the next one is read.
      result.release();
      values.add(result.value());
    }
    return values;
  }

  /**
   * Runs a job that belongs to no run.
   *
   * @param task gets the numbers 0, …, {@code tasks} − 1
   * @return in the order of the numbers
   */
  public static <T> List<T> run(JavaSparkContext spark, int tasks, Function<Integer, T> task) {
    String run = UUID.randomUUID().toString();
    try {
      return run(spark, numbers(spark, tasks).rdd(), task, run);
    } finally {
      InProcessTransfer.release(run);
    }
  }

  @Override
  public byte[] apply(TaskContext context, Iterator<Integer> numbers) {
    try {
      return JavaSerialization.toBytes(
          new InProcessTransfer<>(run, oneJvm, task.call(numbers.next())));
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
