package io.avatarl.spark.rollout;

import io.avatarl.config.BroadcastConfig.Precision;
import io.avatarl.spark.transport.PackedFloats;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.spark.transport.PolicyWeights;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Function;
import org.apache.spark.api.java.JavaSparkContext;

/** A policy's weights as tasks find them: the newest, and those that jobs may still read. */
final class PolicyVersions implements AutoCloseable {
  /** Versions that may still be read by a job in flight. */
  private static final int KEPT = 3;

  private final JavaSparkContext spark;
  private final String run;
  private final Precision precision;
  private final Deque<PolicyBroadcast> versions = new ArrayDeque<>();
  private float[] newest = new float[0];

  /**
   * @param run that the weights belong to
   * @param precision of what travels
   */
  PolicyVersions(JavaSparkContext spark, String run, Precision precision) {
    this.spark = spark;
    this.run = run;
    this.precision = precision;
  }

  /**
   * Makes these weights the newest.
   *
   * @param version above those before it
   * @param values not changed any more
   */
  void publish(long version, float[] values) {
    newest = values;
    versions.addLast(broadcast(version, precision, values));
    if (versions.size() > KEPT) {
      versions.removeFirst().destroy();
    }
  }

  private PolicyBroadcast broadcast(long version, Precision precision, float[] values) {
    return PolicyBroadcast.of(
        spark, new PolicyWeights(run, version, new PackedFloats(precision, values)));
  }

  /** To explore with. */
  PolicyBroadcast newest() {
    return versions.getLast();
  }

  /**
   * What a job makes of the newest weights as a checkpoint keeps them, however they were rounded to
   * explore.
   */
  <T> T withExact(Function<PolicyBroadcast, T> job) {
    PolicyBroadcast rounded = newest();
    if (precision == Precision.FLOAT32) {
      return job.apply(rounded);
    }
    PolicyBroadcast exact = broadcast(rounded.weights().version(), Precision.FLOAT32, newest);
    try {
      return job.apply(exact);
    } finally {
      exact.destroy();
    }
  }

  /** No task will ask for any of them again. */
  @Override
  public void close() {
    versions.forEach(PolicyBroadcast::destroy);
  }
}
