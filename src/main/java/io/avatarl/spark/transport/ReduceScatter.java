package io.avatarl.spark.transport;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.spark.HashPartitioner;
import org.apache.spark.Partition;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.rdd.ShuffledRDD;
import org.apache.spark.serializer.JavaSerializer;
import scala.Tuple2;
import scala.collection.AbstractIterator;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction2;

/**
 * Adds the arrays of a job's tasks on the way to the driver. Each task's array is cut into slices,
 * Spark's shuffle brings slices with the same number together, and as many further tasks add them
 * in task order. So the driver gets one array for any number of tasks, with the same bits as if it
 * had added all arrays itself. (The first half of a ring's all-reduce; sliced by shuffle as in
 * BigDL, Dai et al. 2019, arXiv 1804.05839, section 3.3.)
 */
final class ReduceScatter {
  private ReduceScatter() {}

  /** A slice of a task's numbers; the first one also carries the rest of the task's result. */
  private record Slice<T>(int task, byte[] numbers, List<GuardedTask.Result<T>> rest)
      implements Serializable {}

  /**
   * Runs a job with this thread's local properties.
   *
   * @param numbers 0, …, N − 1, each in a partition of its own
   * @return a sum with a single part
   */
  static <T> Summed<T> run(
      JavaSparkContext spark, RDD<Integer> numbers, GuardedTask<Summand<T>> task) {
    int slices = numbers.getNumPartitions();
    ShuffledRDD<Integer, Slice<T>, Slice<T>> met =
        new ShuffledRDD<>(
            new Slices<>(numbers, task),
            new HashPartitioner(slices),
            ClassTag$.MODULE$.apply(Integer.class),
            ClassTag$.MODULE$.apply(Slice.class),
            ClassTag$.MODULE$.apply(Slice.class));
    // The session's serializer may not support records.
    met.setSerializer(new JavaSerializer(spark.getConf()));
    ClassTag<byte[]> tag = ClassTag$.MODULE$.apply(byte[].class);
    try {
      byte[][] results = (byte[][]) spark.sc().runJob(met, new Addition<T>(), tag);
      List<GuardedTask.Result<T>> rest = Added.rest(results[0]);
      return new Summed<>(
          List.of(Added.joined(results)), rest.stream().map(GuardedTask.Result::get).toList());
    } finally {
      // Otherwise Spark would delete the files only once the driver's garbage collector finds the
      // RDD.
      met.cleanShuffleDependencies(false);
    }
  }

  /**
   * The sum of slices and the rest of the tasks' results in task order, as one array that is
   * written once and read once: the length of the rest, the rest, the numbers.
   */
  private static final class Added {
    /** Numbers that are unpacked at once, so that a wide model's slices are not copied whole. */
    private static final int UNPACKED = 8192;

    private Added() {}

    /**
     * @param slices with the same number, of all tasks in their order
     */
    static byte[] of(List<byte[]> slices, Object rest) {
      byte[] serialized = JavaSerialization.toBytes(rest);
      int bytes = slices.isEmpty() ? 0 : slices.get(0).length;
      int length = Math.addExact(Integer.BYTES + serialized.length, bytes);
      ByteBuffer all = buffer(new byte[length]);
      FloatBuffer sum = all.putInt(serialized.length).put(serialized).asFloatBuffer();
      List<FloatBuffer> summands =
          slices.stream().map(slice -> buffer(slice).asFloatBuffer()).toList();
      float[] added = new float[Math.min(UNPACKED, sum.remaining())];
      float[] summand = new float[added.length];
      while (sum.hasRemaining()) {
        int count = Math.min(UNPACKED, sum.remaining());
        summands.get(0).get(added, 0, count);
        for (FloatBuffer other : summands.subList(1, summands.size())) {
          other.get(summand, 0, count);
          for (int i = 0; i < count; i++) {
            added[i] += summand[i];
          }
        }
        sum.put(added, 0, count);
      }
      return all.array();
    }

    static <T> T rest(byte[] added) {
      ByteBuffer all = buffer(added);
      byte[] serialized = new byte[all.getInt()];
      all.get(serialized);
      return JavaSerialization.fromBytes(serialized);
    }

    /** The slices one after another; forgets each when it is read. */
    static float[] joined(byte[][] results) {
      int length = 0;
      for (byte[] added : results) {
        length = Math.addExact(length, numbers(added).remaining());
      }
      float[] sum = new float[length];
      int at = 0;
      for (int i = 0; i < results.length; i++) {
        FloatBuffer numbers = numbers(results[i]);
        int count = numbers.remaining();
        numbers.get(sum, at, count);
        at += count;
        results[i] = null;
      }
      return sum;
    }

    private static FloatBuffer numbers(byte[] added) {
      ByteBuffer all = buffer(added);
      int rest = all.getInt();
      return all.position(Integer.BYTES + rest).slice().order(all.order()).asFloatBuffer();
    }

    private static ByteBuffer buffer(byte[] bytes) {
      return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
  }

  /**
   * The tasks' slices by number. A class of its own instead of {@code map}, for the same reason as
   * {@link ShardFunction}.
   */
  private static final class Slices<T> extends RDD<Tuple2<Integer, Slice<T>>> {
    private final GuardedTask<Summand<T>> task;
    private final int slices;

    Slices(RDD<Integer> numbers, GuardedTask<Summand<T>> task) {
      super(numbers, ClassTag$.MODULE$.apply(Tuple2.class));
      this.task = task;
      this.slices = numbers.getNumPartitions();
    }

    @Override
    public Partition[] getPartitions() {
      return firstParent(ClassTag$.MODULE$.apply(Integer.class)).partitions();
    }

    @Override
    public Iterator<Tuple2<Integer, Slice<T>>> compute(Partition split, TaskContext context) {
      int number = split.index();
      GuardedTask.Result<Summand<T>> result;
      try {
        result = task.call(number);
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
      GuardedTask.Result<T> rest = result.map(Summand::rest);
      float[] all = result.map(Summand::numbers).orElse(new float[0]);
      return new AbstractIterator<>() {
        private int next;

        @Override
        public boolean hasNext() {
          return next < slices;
        }

        @Override
        public Tuple2<Integer, Slice<T>> next() {
          int from = (int) ((long) all.length * next / slices);
          int to = (int) ((long) all.length * (next + 1) / slices);
          byte[] numbers = PackedFloats.toBytes(all, from, to);
          List<GuardedTask.Result<T>> first = next == 0 ? List.of(rest) : List.of();
          return new Tuple2<>(next++, new Slice<>(number, numbers, first));
        }
      };
    }
  }

  /** Adds the slices with the same number. */
  private static final class Addition<T>
      extends AbstractFunction2<TaskContext, Iterator<Tuple2<Integer, Slice<T>>>, byte[]>
      implements Serializable {
    @Override
    public byte[] apply(TaskContext context, Iterator<Tuple2<Integer, Slice<T>>> arrived) {
      List<Slice<T>> slices = new ArrayList<>();
      while (arrived.hasNext()) {
        slices.add(arrived.next()._2());
      }
      slices.sort(Comparator.comparingInt(Slice::task));
      List<GuardedTask.Result<T>> rest = new ArrayList<>();
      List<byte[]> numbers = new ArrayList<>();
      for (Slice<T> slice : slices) {
        rest.addAll(slice.rest());
        // A failed task has no numbers; its failure is in the rest.
        if (slice.numbers().length > 0) {
          numbers.add(slice.numbers());
        }
      }
      return Added.of(numbers, rest);
    }
  }
}
