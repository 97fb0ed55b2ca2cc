package io.avatarl.spark.rollout;

import io.avatarl.config.BroadcastConfig.Precision;
import io.avatarl.spark.transport.PackedFloats;
import io.avatarl.spark.transport.PolicyBroadcast;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Function;
import org.apache.spark.api.java.JavaSparkContext;

/** The published weights of a policy: the newest, and those that jobs may still read. */
final class PolicyVersions implements AutoCloseable {
  /** Versions that a job in flight may read, and one more for late attempts of its tasks. */
  private static final int KEPT = 3;

  private final JavaSparkContext spark;
  private final String run;
  private final Precision precision;
  private final int kept;
  private final Deque<PolicyBroadcast> versions = new ArrayDeque<>();
  private float[] newest = new float[0];

  /**
   * @param run that the weights belong to
   * @param precision of the broadcast weights
   * @param inOneJvm versions that later jobs may read under a local master, where a job has ended
   *     when its tasks have, and every version is a copy in the heap
   */
  PolicyVersions(JavaSparkContext spark, String run, Precision precision, int inOneJvm) {
    this.spark = spark;
    this.run = run;
    this.precision = precision;
    this.kept = spark.isLocal() ? inOneJvm : KEPT;
  }

  /**
   * Makes these weights the newest.
   *
   * @param version greater than all earlier ones
   * @param values must not change afterwards
   */
  void publish(long version, float[] values) {
    newest = values;
    versions.addLast(broadcast(version, precision, values));
    if (versions.size() > kept) {
      versions.removeFirst().destroy();
    }
  }

  private PolicyBroadcast broadcast(long version, Precision precision, float[] values) {
    return PolicyBroadcast.of(spark, run, version, new PackedFloats(precision, values));
  }

  /** The newest weights, to explore with. */
  PolicyBroadcast newest() {
    return versions.getLast();
  }

  /** Runs a job with the newest weights unrounded, as in a checkpoint. */
  <T> T withExact(Function<PolicyBroadcast, T> job) {
    PolicyBroadcast rounded = newest();
    if (precision == Precision.FLOAT32) {
      return job.apply(rounded);
    }
    PolicyBroadcast exact = broadcast(rounded.version(), Precision.FLOAT32, newest);
    try {
      return job.apply(exact);
    } finally {
      exact.destroy();
    }
  }

  /** Destroys all versions; no task may ask for them again. */
  @Override
  public void close() {
    versions.forEach(PolicyBroadcast::destroy);
  }
}
