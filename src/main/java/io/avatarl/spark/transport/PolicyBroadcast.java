package io.avatarl.spark.transport;

import java.io.Serializable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;

/** Weights that every task can read. */
public sealed interface PolicyBroadcast extends Serializable {
  /** Publishes weights to the tasks of {@code spark}. */
  static PolicyBroadcast of(JavaSparkContext spark, PolicyWeights weights) {
    return spark.isLocal()
        ? new InOneJvm(new InProcessTransfer<>(weights.run(), true, weights))
        : new ToExecutors(spark.broadcast(weights));
  }

  PolicyWeights weights();

  /** Frees the weights; no task may ask for them again. */
  void destroy();

  /** Under a local master: passed by reference. */
  record InOneJvm(InProcessTransfer<PolicyWeights> transfer) implements PolicyBroadcast {
    @Override
    public PolicyWeights weights() {
      return transfer.value();
    }

    @Override
    public void destroy() {
      transfer.release();
    }
  }

  /** Under a cluster's master: each executor fetches them once. */
  record ToExecutors(Broadcast<PolicyWeights> broadcast) implements PolicyBroadcast {
    @Override
    public PolicyWeights weights() {
      return broadcast.value();
    }

    @Override
    public void destroy() {
      broadcast.destroy();
    }
  }
}
