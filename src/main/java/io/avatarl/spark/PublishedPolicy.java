package io.avatarl.spark;

import java.io.Serializable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;

/** Weights where every task finds them. */
record PublishedPolicy(Broadcast<Handover<PolicyWeights>> broadcast) implements Serializable {
  static PublishedPolicy of(JavaSparkContext spark, PolicyWeights weights) {
    return new PublishedPolicy(
        spark.broadcast(new Handover<>(weights.run(), spark.isLocal(), weights)));
  }

  PolicyWeights weights() {
    return broadcast.value().value();
  }

  /** No task will ask for them again. */
  void destroy() {
    broadcast.value().release();
    broadcast.destroy();
  }
}
