package io.avatarl.spark.rollout;

import ai.djl.Device;
import io.avatarl.config.BroadcastConfig.Precision;
import io.avatarl.learner.LossGradient;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import io.avatarl.spark.transport.PolicyBroadcast;

/**
 * The policy inside an executor: one per JVM, device and weights version, shared by the tasks that
 * use it. A task always gets the version it was created for, even in a late attempt of an earlier
 * step. {@link ExecutorState} keeps the replicas.
 */
final class PolicyReplica implements AutoCloseable {
  private final ExecutorState.Key key;
  private final LossGradient lossGradient;
  private final Policy policy;

  /** Number of tasks that use it; guarded by {@link ExecutorState}, its only other reader. */
  int users;

  PolicyReplica(ExecutorState.Key key, LossGradient lossGradient, Policy policy) {
    this.key = key;
    this.lossGradient = lossGradient;
    this.policy = policy;
  }

  /** The replica of these weights; created if this JVM has none yet. Close it after use. */
  static PolicyReplica acquire(RunContext run, PolicyBroadcast weights) {
    return ExecutorState.OF_THIS_JVM.acquire(
        new ExecutorState.Key(weights.run(), weights.version(), weights.precision(), device(run)),
        run.config(),
        spare -> {
          Parameters parameters = spare.orElseGet(() -> new Parameters(layout(run)));
          parameters.set(weights.values());
          return parameters;
        });
  }

  /** The policy before training. Close it after use; it stays until the run ends. */
  static PolicyReplica initial(RunContext run) {
    return ExecutorState.OF_THIS_JVM.acquire(
        new ExecutorState.Key(run.run(), ExecutorState.INITIAL, Precision.FLOAT32, device(run)),
        run.config(),
        spare -> run.initial());
  }

  private static Device device(RunContext run) {
    // Asking for GPUs loads natives.
    NativeEngine.load(run.config().nativeThreads(), run.config().model().precision());
    return Devices.ofTask(run.config().device());
  }

  private static ParameterLayout layout(RunContext run) {
    return ParameterLayout.of(run.config().model(), run.vocabulary());
  }

  ExecutorState.Key key() {
    return key;
  }

  Policy policy() {
    return policy;
  }

  /** Differentiates the loss; one per JVM, run and device. */
  LossGradient lossGradient() {
    return lossGradient;
  }

  @Override
  public void close() {
    ExecutorState.OF_THIS_JVM.release(this);
  }
}
