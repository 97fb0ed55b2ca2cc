package io.avatarl.spark.rollout;

import ai.djl.Device;
import io.avatarl.config.BroadcastConfig.Precision;
import io.avatarl.config.TrainingConfig;
import io.avatarl.learner.LossGradient;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import io.avatarl.spark.transport.PolicyWeights;
import java.util.HashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * The policy inside an executor: one per JVM, device and weights version, shared by the tasks that
 * use it. A task always gets the version it was made for, also a late attempt of an earlier step; a
 * version older than the newest goes when its last user does.
 */
final class PolicyReplica implements AutoCloseable {
  private record Key(String run, long version, Precision precision, Device device) {}

  private static final Map<Key, PolicyReplica> REPLICAS = new HashMap<>();
  private static final Map<String, Long> NEWEST = new HashMap<>();

  private record DeviceOfRun(String run, Device device) {}

  /** What differentiates, and the model's constants, are the same for all versions. */
  private static final Map<DeviceOfRun, LossGradient> GRADIENTS = new HashMap<>();

  /**
   * Memory of a version that has gone, for the next one: the system gives new memory page by page,
   * which takes longer than filling it.
   */
  private static final Map<DeviceOfRun, Parameters> SPARE = new HashMap<>();

  private final Key key;
  private final LossGradient lossGradient;
  private final Policy policy;
  private int users;

  private PolicyReplica(Key key, LossGradient lossGradient, Policy policy) {
    this.key = key;
    this.lossGradient = lossGradient;
    this.policy = policy;
  }

  /** Version of the policy before training, which every JVM can make by itself. */
  private static final long INITIAL = -1;

  /** The replica of these weights, made where this JVM has none yet. Close it after use. */
  static PolicyReplica acquire(RunContext run, PolicyWeights weights) {
    return acquire(
        new Key(weights.run(), weights.version(), weights.parameters().precision(), device(run)),
        run.config(),
        spare -> {
          Parameters parameters = spare != null ? spare : new Parameters(layout(run));
          parameters.set(weights.parameters().values());
          return parameters;
        });
  }

  /** The policy before training. Close it after use; it stays until the run ends. */
  static PolicyReplica initial(RunContext run) {
    return acquire(
        new Key(run.run(), INITIAL, Precision.FLOAT32, device(run)),
        run.config(),
        spare -> Parameters.initial(run.config(), layout(run)));
  }

  private static Device device(RunContext run) {
    // Asking for GPUs loads natives.
    NativeEngine.load(run.config().nativeThreads(), run.config().model().precision());
    return Devices.ofTask(run.config().device());
  }

  private static ParameterLayout layout(RunContext run) {
    return ParameterLayout.of(run.config().model(), run.vocabulary());
  }

  private static PolicyReplica acquire(
      Key key, TrainingConfig config, UnaryOperator<Parameters> parameters) {
    synchronized (REPLICAS) {
      PolicyReplica replica =
          REPLICAS.computeIfAbsent(
              key,
              k -> {
                LossGradient gradient =
                    GRADIENTS.computeIfAbsent(
                        new DeviceOfRun(k.run, k.device),
                        of -> new LossGradient(config.learner(), config.model(), of.device));
                Parameters spare = SPARE.remove(new DeviceOfRun(k.run, k.device));
                return new PolicyReplica(
                    k,
                    gradient,
                    new Policy(config.model(), gradient.gpt(), parameters.apply(spare)));
              });
      replica.users++;
      if (NEWEST.merge(key.run, key.version, Math::max) == key.version) {
        REPLICAS.values().stream()
            .filter(r -> r.users == 0 && r.isOld())
            .toList()
            .forEach(PolicyReplica::discard);
      }
      return replica;
    }
  }

  /** Frees what a finished run left in this JVM. */
  static void release(String run) {
    synchronized (REPLICAS) {
      NEWEST.remove(run);
      REPLICAS.values().stream()
          .filter(r -> r.key.run.equals(run) && r.users == 0)
          .toList()
          .forEach(PolicyReplica::discard);
    }
  }

  /** Versions of a run that this JVM holds. */
  static long count(String run) {
    synchronized (REPLICAS) {
      return REPLICAS.keySet().stream().filter(key -> key.run.equals(run)).count();
    }
  }

  Policy policy() {
    return policy;
  }

  /** Differentiates the loss; one per JVM, run and device. */
  LossGradient lossGradient() {
    return lossGradient;
  }

  private boolean isOld() {
    return key.version != INITIAL && key.version < NEWEST.getOrDefault(key.run, Long.MAX_VALUE);
  }

  private void discard() {
    REPLICAS.remove(key);
    policy.close();
    SPARE.put(new DeviceOfRun(key.run, key.device), policy.parameters());
    if (!NEWEST.containsKey(key.run) && count(key.run) == 0) {
      GRADIENTS.entrySet().stream()
          .filter(entry -> entry.getKey().run.equals(key.run))
          .toList()
          .forEach(
              entry -> {
                GRADIENTS.remove(entry.getKey());
                SPARE.remove(entry.getKey());
                entry.getValue().close();
              });
    }
  }

  @Override
  public void close() {
    synchronized (REPLICAS) {
      users--;
      if (users == 0 && isOld()) {
        discard();
      }
    }
  }
}
