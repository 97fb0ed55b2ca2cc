package io.avatarl.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.CurriculumStage;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.rollout.PolicyCluster;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * M rounds: the executors explore and differentiate with the newest weights; the driver makes one
 * update from their gradients and publishes the weights.
 */
final class ExecutorsLearnStep extends StepStrategy {
  /** Whether an update has begun since the last complete step. */
  private boolean updating;

  ExecutorsLearnStep(Parts parts) {
    super(parts);
  }

  @Override
  void publish() {
    publish(state.version());
  }

  @Override
  void begin() {}

  @Override
  Outcome step(boolean last) {
    CurriculumStage stage = state.curriculum().stage();
    learner.klWeight().stage(stage.klWeight());
    RolloutStatistics statistics = RolloutStatistics.NONE;
    List<UpdateMetrics> updates = new ArrayList<>();
    // Recorded once the step is complete, because a cancelled step is undone.
    List<ObjectNode> records = new ArrayList<>();
    int rounds = config.roundsPerStep();
    for (int round = 0; round < rounds; round++) {
      Round done = round(round, stage);
      statistics = statistics.plus(done.statistics());
      updates.add(done.update());
      records.add(done.record());
      if (round == rounds - 1) {
        records.forEach(metrics::add);
        promote(statistics);
        learnt = Optional.of(new Outcome(statistics, updates));
      }
      publish(done.version() + 1);
    }
    if (severalRounds()) {
      learner.mark();
    }
    updating = false;
    Outcome outcome = learnt.orElseThrow();
    learnt = Optional.empty();
    return outcome;
  }

  /** What is kept of a round; its gradients can go before the weights are copied. */
  private record Round(
      UpdateMetrics update, RolloutStatistics statistics, ObjectNode record, long version) {}

  private Round round(int round, CurriculumStage stage) {
    PolicyCluster.Gradients gradients =
        cluster.gradients(state.step(), round, stage, learner.nextKlWeight());
    state.clock().gradients(gradients, slots());
    state.traffic().add(gradients.job());
    UpdateMetrics update = learn(gradients);
    ObjectNode record =
        MetricsRecords.update(
            state.step() + 1,
            stage.name(),
            update,
            gradients.statistics(),
            gradients.version(),
            gradients.job());
    return new Round(update, gradients.statistics(), record, gradients.version());
  }

  private UpdateMetrics learn(PolicyCluster.Gradients gradients) {
    updating = true;
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.LEARN)) {
      return learner.update(gradients.parts(), gradients.sums(), gradients.groups());
    }
  }

  private boolean severalRounds() {
    return config.roundsPerStep() > 1;
  }

  @Override
  float[] behaviour() {
    return new float[0];
  }

  /** A step of one round has no copy to go back to, and needs none if its job failed. */
  @Override
  boolean rewind() {
    if (severalRounds()) {
      learner.rewind();
      return true;
    }
    return !updating;
  }
}
