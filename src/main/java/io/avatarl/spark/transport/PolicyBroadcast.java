package io.avatarl.spark.transport;

import io.avatarl.config.BroadcastConfig.Precision;
import java.io.Serializable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;

/**
 * One version of the policy that every task can read.
 *
 * @param run distinguishes runs in one JVM
 * @param version number of rounds that led to the weights
 * @param precision of the broadcast weights
 * @param bytes length of the broadcast block
 */
public record PolicyBroadcast(
    String run, long version, Precision precision, int bytes, Parameters parameters)
    implements Serializable {

  /**
   * Publishes weights to the tasks of {@code spark}.
   *
   * @param values flat, in the model's layout
   */
  public static PolicyBroadcast of(
      JavaSparkContext spark, String run, long version, PackedFloats values) {
    return spark.isLocal()
        ? inThisJvm(run, version, values)
        : of(run, version, values, new ToExecutors(spark.broadcast(values.toBytes())));
  }

  /** Publishes weights to the tasks of a local master. */
  public static PolicyBroadcast inThisJvm(String run, long version, PackedFloats values) {
    return of(run, version, values, new InOneJvm(new InProcessTransfer<>(run, true, values)));
  }

  private static PolicyBroadcast of(
      String run, long version, PackedFloats values, Parameters parameters) {
    return new PolicyBroadcast(run, version, values.precision(), values.bytes(), parameters);
  }

  /** The weights; if they were broadcast, each call unpacks them again. */
  public float[] values() {
    return parameters.values(precision);
  }

  /** No task will ask for them again. */
  public void destroy() {
    parameters.destroy();
  }

  /** Where the weights are. */
  public sealed interface Parameters extends Serializable {
    /** The weights before rounding to the broadcast's precision. */
    float[] values(Precision precision);

    /** No task will ask for them again. */
    void destroy();
  }

  /** Under a local master: handed over by reference. */
  record InOneJvm(InProcessTransfer<PackedFloats> transfer) implements Parameters {
    @Override
    public float[] values(Precision precision) {
      return transfer.value().values();
    }

    @Override
    public void destroy() {
      transfer.release();
    }
  }

  /** Under a cluster's master: each executor fetches the block once. */
  record ToExecutors(Broadcast<byte[]> block) implements Parameters {
    @Override
    public float[] values(Precision precision) {
      return PackedFloats.values(precision, block.value());
    }

    @Override
    public void destroy() {
      TaskValue.destroy(block);
    }
  }
}
