package io.avatarl.train;

import io.avatarl.config.CurriculumStage;
import io.avatarl.learner.Minibatch;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.spark.rollout.PolicyCluster;
import io.avatarl.spark.transport.JobThread;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;

/**
 * One round of rollouts on the executors, then M minibatch updates on the driver. With {@code
 * rollout.ahead = 1} the next step's rollouts run meanwhile, with the weights before these updates.
 */
final class DriverLearnsStep extends StepStrategy {
  private final boolean ahead;
  // Weights of the rollouts in flight, if they are made ahead; a checkpoint must keep them.
  private float[] behaviour;
  private float[] current = new float[0];
  private Future<PolicyCluster.Step> next;
  private boolean learning;

  DriverLearnsStep(Parts parts, float[] behaviour) {
    super(parts);
    this.ahead = config.rollout().ahead() == 1;
    this.behaviour = behaviour;
  }

  @Override
  void publish() {
    long step = state.step();
    if (behaviour.length > 0 && step < config.steps()) {
      // The uninterrupted run had started these rollouts one step ahead, with the weights before
      // the checkpoint's.
      cluster.publish(step - 1, behaviour);
      startRollouts(step);
    }
    current = publish(state.version());
  }

  @Override
  void begin() {
    if (next == null) {
      startRollouts(state.step());
    }
  }

  private void startRollouts(long step) {
    next = cluster.rollouts(step, state.curriculum().stage());
  }

  @Override
  Outcome step(boolean last) {
    long step = state.step();
    PolicyCluster.Step rollouts = JobThread.await(next);
    learning = true;
    state.clock().rollouts(rollouts, slots());
    state.traffic().add(rollouts.job());
    if (ahead) {
      behaviour = current;
    }
    // The next rollouts may belong to another stage; the current ones were scored in this one.
    CurriculumStage stage = state.curriculum().stage();
    promote(rollouts.statistics());
    if (ahead && !last) {
      startRollouts(step + 1);
    }
    Outcome outcome = new Outcome(rollouts.statistics(), learn(rollouts, stage));
    learnt = Optional.of(outcome);
    current = publish(step + 1);
    if (!ahead && !last) {
      startRollouts(step + 1);
    }
    learning = false;
    learnt = Optional.empty();
    return outcome;
  }

  private List<UpdateMetrics> learn(PolicyCluster.Step rollouts, CurriculumStage stage) {
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.LEARN)) {
      learner.klWeight().stage(stage.klWeight());
      List<UpdateMetrics> updates = new ArrayList<>();
      for (Minibatch minibatch :
          Minibatch.of(rollouts.shards(), config.learner().updatesPerStep())) {
        UpdateMetrics update = learner.update(minibatch);
        updates.add(update);
        metrics.add(
            MetricsRecords.update(
                state.step() + 1,
                stage.name(),
                update,
                rollouts.statistics(),
                rollouts.version(),
                rollouts.job()));
      }
      return updates;
    }
  }

  @Override
  float[] behaviour() {
    return ahead ? behaviour : new float[0];
  }

  /** A step waits for its jobs before its first update, so there is nothing to undo. */
  @Override
  boolean rewind() {
    return !learning;
  }
}
