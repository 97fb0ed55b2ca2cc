package io.avatarl.spark.rollout;

import ai.djl.Device;
import io.avatarl.config.BroadcastConfig.Precision;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.StoredTokens;
import io.avatarl.learner.LossGradient;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * What one JVM keeps between tasks, for all its tasks and runs. A deserialized task can only reach
 * statics of its executor; the only one of this family is {@link #OF_THIS_JVM}.
 *
 * <p>It keeps one replica of the policy per run, version and device. A version older than the
 * newest is freed by its last user.
 */
final class ExecutorState {
  static final ExecutorState OF_THIS_JVM = new ExecutorState();

  /** Version of the policy before training. */
  static final long INITIAL = -1;

  /** Names a replica. */
  record Key(String run, long version, Precision precision, Device device) {
    private DeviceOfRun deviceOfRun() {
      return new DeviceOfRun(run, device);
    }
  }

  private record DeviceOfRun(String run, Device device) {}

  private volatile Device driversDevice = Device.cpu();

  // All maps are guarded by this.
  private final Map<Key, PolicyReplica> replicas = new HashMap<>();
  private final Map<String, Long> newest = new HashMap<>();

  /** Gradient code with the model's constants, shared by all versions. */
  private final Map<DeviceOfRun, LossGradient> gradients = new HashMap<>();

  /**
   * Memory of a freed version, reused by the next one: the system hands out new memory page by
   * page, which takes longer than filling it.
   */
  private final Map<DeviceOfRun, Parameters> spare = new HashMap<>();

  private long[] reportedBlocks = {0, 0};

  private ExecutorState() {}

  /** Corpus blocks that this JVM fetched, and found on disk, since the last call. */
  synchronized long[] unreportedBlocks() {
    long[] all = StoredTokens.traffic();
    long[] since = {all[0] - reportedBlocks[0], all[1] - reportedBlocks[1]};
    reportedBlocks = all;
    return since;
  }

  /**
   * The device of the trainer in this JVM, which a local master's tasks share; without a trainer,
   * the CPU.
   */
  Device driversDevice() {
    return driversDevice;
  }

  void driversDevice(Device device) {
    driversDevice = device;
  }

  /**
   * Returns a replica and counts one more user.
   *
   * @param parameters creates a new replica's parameters, given memory to reuse, if any
   */
  synchronized PolicyReplica acquire(
      Key key, TrainingConfig config, Function<Optional<Parameters>, Parameters> parameters) {
    if (newest.merge(key.run, key.version, Math::max) == key.version) {
      // Before a new replica is made, which then takes the memory of an old one.
      replicas.values().stream()
          .filter(r -> r.users == 0 && isOld(r.key()))
          .toList()
          .forEach(this::discard);
    }
    PolicyReplica replica =
        replicas.computeIfAbsent(
            key,
            k -> {
              LossGradient gradient =
                  gradients.computeIfAbsent(
                      k.deviceOfRun(),
                      of -> new LossGradient(config.learner(), config.model(), of.device));
              Parameters own = parameters.apply(Optional.ofNullable(spare.remove(k.deviceOfRun())));
              return new PolicyReplica(
                  k, gradient, new Policy(config.model(), gradient.gpt(), own));
            });
    replica.users++;
    return replica;
  }

  /** Counts one user less. */
  synchronized void release(PolicyReplica replica) {
    replica.users--;
    if (replica.users == 0 && isOld(replica.key())) {
      discard(replica);
    }
  }

  /** Frees everything of a finished run. */
  synchronized void release(String run) {
    newest.remove(run);
    replicas.values().stream()
        .filter(r -> r.key().run.equals(run) && r.users == 0)
        .toList()
        .forEach(this::discard);
  }

  /** Number of versions of a run in this JVM. */
  synchronized long count(String run) {
    return replicas.keySet().stream().filter(key -> key.run.equals(run)).count();
  }

  private boolean isOld(Key key) {
    return key.version != INITIAL && key.version < newest.getOrDefault(key.run, Long.MAX_VALUE);
  }

  private void discard(PolicyReplica replica) {
    Key key = replica.key();
    replicas.remove(key);
    replica.policy().close();
    spare.put(key.deviceOfRun(), replica.policy().parameters());
    if (!newest.containsKey(key.run) && count(key.run) == 0) {
      gradients.keySet().stream()
          .filter(of -> of.run.equals(key.run))
          .toList()
          .forEach(
              of -> {
                spare.remove(of);
                gradients.remove(of).close();
              });
    }
  }
}
