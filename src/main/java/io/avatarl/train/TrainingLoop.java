package io.avatarl.train;

import io.avatarl.config.TrainingConfig;
import io.avatarl.evaluation.Scores;
import io.avatarl.learner.Learner;
import io.avatarl.spark.rollout.PolicyCluster;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Each step: rollouts, updates and a broadcast by a {@link StepStrategy}, then evaluation, snapshot
 * and checkpoint if they are due. Nothing here computes a cross-entropy loss; cross-entropy is only
 * measured, on the validation split.
 */
final class TrainingLoop {
  private final PreparedRun run;
  private final TrainingConfig config;
  private final Learner learner;
  private final PolicyCluster cluster;
  private final RunState state;
  private final TrainingListener listener;
  private final BooleanSupplier stopRequested;
  private final MetricsLog metrics;
  private final StepStrategy strategy;
  private long savedStep;

  /**
   * @param stored rollouts to learn from, if they are not drawn
   * @param state where the loop begins
   * @param stopRequested asked after each step
   */
  TrainingLoop(
      PreparedRun run,
      Learner learner,
      PolicyCluster cluster,
      Optional<ScoredRows> stored,
      RunState state,
      TrainingListener listener,
      BooleanSupplier stopRequested) {
    this.run = run;
    this.config = run.config();
    this.learner = learner;
    this.cluster = cluster;
    this.state = state;
    this.listener = listener;
    this.stopRequested = stopRequested;
    this.savedStep = state.step();
    this.metrics = new MetricsLog(run.storage(), run.output(), state.step() + 1, listener);
    this.strategy =
        StepStrategy.of(
            new StepStrategy.Parts(config, learner, cluster, state, metrics, listener),
            stored,
            run.behaviour());
  }

  /** Steps until the last one or a stop; true if the last one is done, or no other is worth it. */
  boolean run() {
    strategy.publish();
    if (state.step() >= config.steps() || patienceIsOver()) {
      if (run.resumed().isEmpty()) {
        checkpoint();
      }
      return true;
    }
    if (state.step() == 0 && config.rolloutTable().every() > 0) {
      snapshot();
    }
    strategy.begin();
    while (true) {
      boolean last = state.step() + 1 >= config.steps();
      StepStrategy.Outcome outcome = strategy.step(last);
      for (String warning : state.stepped(outcome)) {
        metrics.add(MetricsRecords.warning(state.step(), warning));
        listener.warned("step " + state.step() + ": " + warning);
      }
      listener.stepped(state.step(), outcome.statistics(), outcome.lastUpdate());
      boolean evaluationDue = due(config.evaluation().every(), state.step());
      if (last ? config.evaluation().every() > 0 : evaluationDue) {
        evaluate();
      }
      boolean finished = last || patienceIsOver();
      boolean ends = finished || stopRequested.getAsBoolean();
      afterStep(evaluationDue, finished, ends);
      listener.clocked(state.step(), state.clock().seconds(), state.traffic().lastStep());
      if (ends) {
        return finished;
      }
    }
  }

  /** Whether the last evaluations brought nothing; says so. */
  private boolean patienceIsOver() {
    boolean over =
        state.step() < config.steps()
            && state.earlyStopping().isOver(config.evaluation().patience());
    if (over) {
      listener.endsEarly(state.step(), state.earlyStopping().why());
    }
    return over;
  }

  /** Asks for a snapshot and writes a checkpoint where these are due. */
  private void afterStep(boolean evaluated, boolean finished, boolean ends) {
    long step = state.step();
    if (config.rolloutTable().due(step, finished ? step : config.steps()) && step > 1) {
      snapshot();
    }
    if (ends || due(config.checkpoint().every(), step)) {
      checkpoint();
    } else if (evaluated || metrics.isLong()) {
      metrics.flush(step);
    }
  }

  private static boolean due(int every, long step) {
    return every > 0 && step % every == 0;
  }

  /**
   * Called after jobs failed, were cancelled or Spark ended: writes a checkpoint of the last
   * complete step, if there is none and the updates since can be undone.
   */
  void saveLastWhole() {
    Optional<StepStrategy.Outcome> learnt = strategy.learnt();
    learnt.ifPresent(
        outcome ->
            state
                .stepped(outcome)
                .forEach(warning -> metrics.add(MetricsRecords.warning(state.step(), warning))));
    if (state.step() > savedStep && (learnt.isPresent() || strategy.rewind())) {
      checkpoint();
    }
  }

  private void snapshot() {
    PolicyCluster.TimedSnapshot taken = cluster.snapshot(state.step(), state.curriculum().stage());
    state.clock().add(PhaseTimer.Phase.TABLE, taken.seconds());
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.TABLE)) {
      PolicySnapshots.add(run.storage(), run.output(), taken.snapshot());
    }
  }

  private void evaluate() {
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.EVALUATE)) {
      Scores scores = cluster.evaluate(state.step());
      metrics.add(MetricsRecords.evaluation(state.step(), learner.updates(), scores));
      state.evaluated(scores);
      listener.evaluated(state.step(), scores);
    }
  }

  /** Metrics files end at checkpoints, so that resuming can delete those after one. */
  private void checkpoint() {
    run.claim().requireHeld();
    metrics.flush(state.step());
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.CHECKPOINT)) {
      Checkpoint.write(
          run.storage(),
          run.output(),
          config.model(),
          run.corpus().tokenizer(),
          learner,
          strategy.behaviour(),
          state.save());
      savedStep = state.step();
      Checkpoint.prune(run.storage(), run.output(), config.checkpoint().keep());
    }
  }
}
