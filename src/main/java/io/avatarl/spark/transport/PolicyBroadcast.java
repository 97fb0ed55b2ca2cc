package io.avatarl.spark.transport;

import java.io.Serializable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;

/**
 * Weights where every task finds them.
 *
 * @param local within one JVM, else null
 * @param broadcast between several, else null
 */
public record PolicyBroadcast(
    InProcessTransfer<PolicyWeights> local, Broadcast<PolicyWeights> broadcast)
    implements Serializable {
  public static PolicyBroadcast of(JavaSparkContext spark, PolicyWeights weights) {
    return spark.isLocal()
        ? new PolicyBroadcast(new InProcessTransfer<>(weights.run(), true, weights), null)
        : new PolicyBroadcast(null, spark.broadcast(weights));
  }

  public PolicyWeights weights() {
    return local != null ? local.value() : broadcast.value();
  }

  /** No task will ask for them again. */
  public void destroy() {
    if (local != null) {
      local.release();
    } else {
      broadcast.destroy();
    }
  }
}
