package io.avatarl.train;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.evaluation.BaselineScores;
import io.avatarl.evaluation.Scores;
import io.avatarl.learner.Learner;
import io.avatarl.rollout.RolloutStatistics;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Everything that changes from step to step, except weights and moments, which the {@link Learner}
 * has. The constructor reads a {@link TrainerState}, also for a new run, and {@link #save} writes
 * one. A new piece of state needs a component there and a field here. Only the training thread uses
 * it.
 */
final class RunState {
  private final TrainingConfig config;
  private final Learner learner;
  private final Curriculum curriculum;
  private final HealthMonitor monitor;
  private final EarlyStopping earlyStopping;
  private final PhaseTimer clock;
  private final TransferredBytes traffic;
  private final double earlierSeconds;
  private final long began = System.nanoTime();
  private RolloutStatistics totals;
  private Optional<TrainerState.Evaluation> evaluation;
  private long step;
  private double entropy;
  private double reward;

  /**
   * @param learner has the updates and the KL controller, which is set to the saved state
   * @param listener hears of phases
   */
  RunState(TrainingConfig config, TrainerState saved, Learner learner, TrainingListener listener) {
    this.config = config;
    this.learner = learner;
    curriculum = new Curriculum(config, saved.curriculum());
    monitor = new HealthMonitor(saved.monitor(), config.learner().optimizer().clipNorm());
    earlyStopping = new EarlyStopping(saved.earlyStopping());
    clock = new PhaseTimer(saved.stageSeconds(), listener::stage);
    traffic = new TransferredBytes(saved.moved());
    earlierSeconds = saved.trainSeconds();
    totals = RolloutStatistics.counts(saved.groups(), saved.rollouts());
    evaluation = Optional.ofNullable(saved.evaluation());
    step = saved.step();
    entropy = saved.entropy();
    reward = saved.reward();
    learner.klWeight().resume(saved.klWeight());
  }

  /** The state for a checkpoint after the last complete step. */
  TrainerState save() {
    return new TrainerState(
        step,
        learner.updates(),
        totals.groups(),
        totals.rollouts(),
        entropy,
        reward,
        trainSeconds(),
        clock.seconds(),
        traffic.moved(),
        learner.klWeight().controlled(),
        curriculum.position(),
        monitor.state(),
        evaluation.orElse(null),
        earlyStopping.state(),
        ConfigReader.flat(config));
  }

  /** Steps done. */
  long step() {
    return step;
  }

  /**
   * Rounds that led to the weights of the last complete step: the version they are published as.
   */
  long version() {
    return step * config.roundsPerStep();
  }

  Curriculum curriculum() {
    return curriculum;
  }

  EarlyStopping earlyStopping() {
    return earlyStopping;
  }

  PhaseTimer clock() {
    return clock;
  }

  TransferredBytes traffic() {
    return traffic;
  }

  /** Groups and rollouts of all steps. */
  RolloutStatistics totals() {
    return totals;
  }

  /** The policy's entropy in the last step, in nats per state. */
  double entropy() {
    return entropy;
  }

  /** Mean reward in the last step. */
  double reward() {
    return reward;
  }

  /** Wall time of all steps in seconds, including those before the run was resumed. */
  double trainSeconds() {
    return earlierSeconds + (System.nanoTime() - began) / 1e9;
  }

  /**
   * Counts a complete step.
   *
   * @return its new warnings
   */
  List<String> stepped(StepStrategy.Outcome outcome) {
    RolloutStatistics statistics = outcome.statistics();
    step++;
    totals = totals.plus(statistics);
    entropy = statistics.meanEntropy();
    reward = statistics.meanReward();
    traffic.stepped();
    learner.klWeight().observe(outcome.meanReferenceKl());
    return monitor.stepped(statistics, outcome.updates());
  }

  /**
   * The run's summary.
   *
   * @param seconds of the steps
   * @param steps of the run
   */
  Summary summary(
      Beginning beginning,
      FinalEvaluation evaluated,
      double seconds,
      Map<String, BaselineScores> baselines,
      String sparkVersion,
      long steps) {
    Scores consecutive = evaluated.consecutive();
    return new Summary(
        consecutive.crossEntropy(),
        evaluated.sliding().crossEntropy(),
        consecutive.bitsPerCharacter(),
        consecutive.perplexity(),
        consecutive.accuracy(),
        consecutive.calibrationError(),
        consecutive.positions(),
        entropy,
        reward,
        baselines,
        beginning.source().generated() ? "generated" : beginning.corpus().name(),
        beginning.corpus().sha256(),
        beginning.layout().count(),
        (int) steps,
        learner.updates(),
        totals.groups(),
        totals.rollouts(),
        seconds,
        totals.groups() / seconds,
        clock.seconds(),
        traffic.moved().perStep((int) steps),
        learner.parameters().sha256(),
        sparkVersion,
        config.preset(),
        config.seed());
  }

  /** Remembers a validation after the last step. */
  void evaluated(Scores scores) {
    evaluation = Optional.of(new TrainerState.Evaluation(step, scores.crossEntropy()));
    earlyStopping.evaluated(step, scores);
  }
}
