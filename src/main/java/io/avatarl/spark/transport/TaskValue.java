package io.avatarl.spark.transport;

import java.io.Serializable;
import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;

/**
 * A value that every task finds, whatever serializer the session has.
 *
 * @param <T> serializable, and not changed any more
 */
public sealed interface TaskValue<T> extends Serializable {
  /**
   * For the tasks of {@code spark}, until it is destroyed: by reference under a local master, else
   * each executor fetches it once.
   */
  static <T> TaskValue<T> of(JavaSparkContext spark, T value) {
    return spark.isLocal()
        ? new InOneJvm<>(new InProcessTransfer<>(UUID.randomUUID().toString(), true, value))
        : broadcast(spark, value);
  }

  /** The same, but it may also be left to Spark, which cleans up when nobody refers to it. */
  static <T> TaskValue<T> broadcast(JavaSparkContext spark, T value) {
    return new InBytes<>(spark.broadcast(JavaSerialization.toBytes(value)));
  }

  T value();

  /** Destroys a broadcast, unless the context that it was in has ended. */
  static void destroy(Broadcast<?> broadcast) {
    if (SparkEnv.get() != null) {
      broadcast.destroy();
    }
  }

  /** No task will ask for it again. */
  void destroy();

  /** Handed over by reference. */
  record InOneJvm<T>(InProcessTransfer<T> transfer) implements TaskValue<T> {
    @Override
    public T value() {
      return transfer.value();
    }

    @Override
    public void destroy() {
      transfer.release();
    }
  }

  /** Fetched by each executor, and read once by it. */
  record InBytes<T>(Broadcast<byte[]> bytes) implements TaskValue<T> {
    /** What was read from bytes that this JVM's block manager still holds. */
    private record Entry(WeakReference<byte[]> source, Object value) {}

    /** By the broadcast's number, which counts from 0 in each Spark context. */
    private static final Map<Long, Entry> READ = new ConcurrentHashMap<>();

    @Override
    @SuppressWarnings("unchecked") // the type that was written
    public T value() {
      byte[] source = bytes.value();
      Entry known = READ.get(bytes.id());
      if (known == null || !known.source.refersTo(source)) {
        READ.values().removeIf(entry -> entry.source.refersTo(null));
        known =
            READ.compute(
                bytes.id(),
                (id, entry) ->
                    entry != null && entry.source.refersTo(source)
                        ? entry
                        : new Entry(
                            new WeakReference<>(source), JavaSerialization.fromBytes(source)));
      }
      return (T) known.value;
    }

    @Override
    public void destroy() {
      READ.remove(bytes.id());
      TaskValue.destroy(bytes);
    }
  }
}
