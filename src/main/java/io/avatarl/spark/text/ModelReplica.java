package io.avatarl.spark.text;

import io.avatarl.model.NativeEngine;
import io.avatarl.model.Policy;
import io.avatarl.model.SavedModel;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A trained model inside an executor: one per JVM and checkpoint, shared by the tasks that generate
 * with it. The most recent ones stay loaded for the next partition or query.
 */
final class ModelReplica implements AutoCloseable {
  /** Unused models that are kept. */
  static final int KEPT = 2;

  /** By the SHA-256 of the weights, least recently acquired first. */
  private static final Map<String, ModelReplica> REPLICAS = new LinkedHashMap<>(16, 0.75f, true);

  private static long loads;

  private final Policy policy;
  private int users;

  private ModelReplica(Policy policy) {
    this.policy = policy;
  }

  /** The replica of a model; created if this JVM has none yet. Close it after use. */
  static ModelReplica acquire(SavedModel model) {
    synchronized (REPLICAS) {
      ModelReplica replica = REPLICAS.get(model.sha256());
      if (replica == null) {
        // Parallelism comes from Spark's task slots.
        NativeEngine.load(1);
        replica = new ModelReplica(new Policy(model.config(), model.parameters()));
        REPLICAS.put(model.sha256(), replica);
        loads++;
      }
      replica.users++;
      return replica;
    }
  }

  /** Number of models that this JVM has loaded so far. */
  static long loads() {
    synchronized (REPLICAS) {
      return loads;
    }
  }

  /** Number of models that this JVM holds. */
  static int count() {
    synchronized (REPLICAS) {
      return REPLICAS.size();
    }
  }

  Policy policy() {
    return policy;
  }

  @Override
  public void close() {
    synchronized (REPLICAS) {
      users--;
      long unused = REPLICAS.values().stream().filter(replica -> replica.users == 0).count();
      Iterator<ModelReplica> oldest = REPLICAS.values().iterator();
      while (unused > KEPT) {
        ModelReplica replica = oldest.next();
        if (replica.users == 0) {
          oldest.remove();
          replica.policy.close();
          unused--;
        }
      }
    }
  }
}
