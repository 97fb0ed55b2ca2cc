package io.avatarl.train;

import io.avatarl.config.TrainingConfig;
import io.avatarl.learner.Learner;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.rollout.PolicyCluster;
import java.util.List;
import java.util.Optional;

/**
 * How a step turns rollouts into updates: {@link DriverLearnsStep}, {@link ExecutorsLearnStep} or
 * {@link StoredRolloutsStep}. {@link TrainingLoop} calls {@link #publish}, {@link #begin}, then
 * {@link #step} for each step.
 */
abstract sealed class StepStrategy
    permits DriverLearnsStep, ExecutorsLearnStep, StoredRolloutsStep {
  final TrainingConfig config;
  final Learner learner;
  final PolicyCluster cluster;
  final RunState state;
  final MetricsLog metrics;
  private final TrainingListener listener;

  /** See {@link #learnt}; set by a step before it publishes, and emptied after. */
  Optional<Outcome> learnt = Optional.empty();

  /**
   * The parts that a step works with.
   *
   * @param metrics gets a record of each update
   * @param listener hears of promotions
   */
  record Parts(
      TrainingConfig config,
      Learner learner,
      PolicyCluster cluster,
      RunState state,
      MetricsLog metrics,
      TrainingListener listener) {}

  /**
   * The result of a step.
   *
   * @param statistics of all its rollouts
   * @param updates in order, at least one
   */
  record Outcome(RolloutStatistics statistics, List<UpdateMetrics> updates) {
    UpdateMetrics lastUpdate() {
      return updates.get(updates.size() - 1);
    }

    /** The KL for the controller: the exact one, if the rollouts have it. */
    double meanReferenceKl() {
      return statistics.meanReferenceKl().orElseGet(this::meanOfUpdates);
    }

    private double meanOfUpdates() {
      return updates.stream().mapToDouble(UpdateMetrics::referenceKl).average().orElse(0);
    }
  }

  StepStrategy(Parts parts) {
    config = parts.config();
    learner = parts.learner();
    cluster = parts.cluster();
    state = parts.state();
    metrics = parts.metrics();
    listener = parts.listener();
  }

  /**
   * The strategy for {@code rollout.stored} and {@code learner.placement}.
   *
   * @param stored rollouts to learn from, if they are not drawn
   * @param behaviour weights of the rollouts that were in flight at the checkpoint; else empty
   */
  static StepStrategy of(Parts parts, Optional<ScoredRows> stored, float[] behaviour) {
    if (stored.isPresent()) {
      return new StoredRolloutsStep(parts, stored.get());
    }
    return switch (parts.config().learner().placement()) {
      case DRIVER -> new DriverLearnsStep(parts, behaviour);
      case EXECUTORS -> new ExecutorsLearnStep(parts);
    };
  }

  /** Publishes the weights that a run begins or resumes with. */
  abstract void publish();

  /**
   * A step that is learnt and not finished: where Spark is gone, its weights cannot be published
   * any more.
   */
  final Optional<Outcome> learnt() {
    return learnt;
  }

  /** Begins the first step of this process, after {@link #publish}. */
  abstract void begin();

  /**
   * Makes the next step: rollouts, updates, and a broadcast of the new weights.
   *
   * @param last whether this is the last step
   */
  abstract Outcome step(boolean last);

  /** Weights that the rollouts in flight explore with, if they are made ahead; else empty. */
  abstract float[] behaviour();

  /**
   * Called after jobs failed or were cancelled: undoes the updates since the last complete step.
   *
   * @return false if that is not possible
   */
  abstract boolean rewind();

  /**
   * Publishes the learner's weights.
   *
   * @return the published copy, which must not be changed
   */
  final float[] publish(long version) {
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.BROADCAST)) {
      float[] weights = learner.parameters().toArray();
      cluster.publish(version, weights);
      return weights;
    }
  }

  /** Passes a step's rollouts to the curriculum; the next rollouts may belong to another stage. */
  final void promote(RolloutStatistics statistics) {
    Curriculum curriculum = state.curriculum();
    if (curriculum.stepped(statistics.perplexity())) {
      listener.promoted(state.step() + 1, curriculum.stage().name());
    }
  }

  /** Reports something about the run that is not a warning. */
  final void noted(String line) {
    listener.noted(line);
  }

  /** Tasks of a round that run at once. */
  final int slots() {
    return Math.min(cluster.slots(), config.rollout().shards());
  }
}
