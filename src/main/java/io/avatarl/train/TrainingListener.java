package io.avatarl.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.TrainingConfig;
import io.avatarl.evaluation.Scores;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import java.util.Map;

/** Watches a run; called on the training thread. */
public interface TrainingListener {
  /** Listens to nothing. */
  TrainingListener NONE = new TrainingListener() {};

  /** The run begins, or resumes, after {@code step} steps. */
  default void started(TrainingConfig config, Facts facts, long step) {}

  /** A step is done. */
  default void stepped(long step, RolloutStatistics rollouts, UpdateMetrics lastUpdate) {}

  /**
   * Reports the wall time so far, after {@code step} steps.
   *
   * @param stageSeconds wall time by stage, as in {@code summary.json}
   * @param stepBytes bytes that this step sent between driver and executors, counted once per
   *     receiver
   */
  default void clocked(long step, Map<String, Double> stageSeconds, long stepBytes) {}

  /** The policy was scored during training, on a part of the validation split. */
  default void evaluated(long step, Scores scores) {}

  /**
   * Training ends before the configured number of steps, after {@code step} of them.
   *
   * @param why what {@code evaluation.patience} counted, in words
   */
  default void endsEarly(long step, String why) {}

  /** The curriculum entered another stage after {@code step} steps. */
  default void promoted(long step, String stage) {}

  /** A record was added to {@code RUN/metrics/}; it is final. */
  default void recorded(ObjectNode record) {}

  /** A line of information about the run. */
  default void noted(String line) {}

  /** The records of these steps, which are all since the last call, have been written to a file. */
  default void flushed(long firstStep, long lastStep) {}

  /** Something the user should know. */
  default void warned(String warning) {}

  /**
   * The training thread enters a phase: rollout (it waits for rollouts), learn, broadcast,
   * evaluate, checkpoint or table.
   */
  default void stage(String name) {}

  /** A long phase outside the steps begins, for example the final evaluation. */
  default void entered(String phase) {}

  /** So many windows of the final evaluation are scored; on a thread of Spark's. */
  default void evaluating(long done, long of) {}

  /**
   * At the end of training: blocks of a remote corpus that tasks fetched, and that they found on
   * local disk.
   */
  default void corpusRead(long fetched, long found) {}

  /** Calls one listener, then the other. */
  static TrainingListener both(TrainingListener first, TrainingListener second) {
    return new TrainingListener() {
      @Override
      public void started(TrainingConfig config, Facts facts, long step) {
        first.started(config, facts, step);
        second.started(config, facts, step);
      }

      @Override
      public void stepped(long step, RolloutStatistics rollouts, UpdateMetrics lastUpdate) {
        first.stepped(step, rollouts, lastUpdate);
        second.stepped(step, rollouts, lastUpdate);
      }

      @Override
      public void clocked(long step, Map<String, Double> stageSeconds, long stepBytes) {
        first.clocked(step, stageSeconds, stepBytes);
        second.clocked(step, stageSeconds, stepBytes);
      }

      @Override
      public void evaluated(long step, Scores scores) {
        first.evaluated(step, scores);
        second.evaluated(step, scores);
      }

      @Override
      public void endsEarly(long step, String why) {
        first.endsEarly(step, why);
        second.endsEarly(step, why);
      }

      @Override
      public void promoted(long step, String stage) {
        first.promoted(step, stage);
        second.promoted(step, stage);
      }

      @Override
      public void recorded(ObjectNode record) {
        first.recorded(record);
        second.recorded(record);
      }

      @Override
      public void noted(String line) {
        first.noted(line);
        second.noted(line);
      }

      @Override
      public void flushed(long firstStep, long lastStep) {
        first.flushed(firstStep, lastStep);
        second.flushed(firstStep, lastStep);
      }

      @Override
      public void warned(String warning) {
        first.warned(warning);
        second.warned(warning);
      }

      @Override
      public void stage(String name) {
        first.stage(name);
        second.stage(name);
      }

      @Override
      public void entered(String phase) {
        first.entered(phase);
        second.entered(phase);
      }

      @Override
      public void evaluating(long done, long of) {
        first.evaluating(done, of);
        second.evaluating(done, of);
      }

      @Override
      public void corpusRead(long fetched, long found) {
        first.corpusRead(fetched, found);
        second.corpusRead(fetched, found);
      }
    };
  }

  /**
   * Facts about a run, for display.
   *
   * @param corpus its name
   * @param trainTokens tokens in the training split
   * @param validationTokens tokens in the validation split
   * @param vocabulary tokens in the vocabulary
   * @param parameters trainable numbers
   * @param devices description of where rollouts and gradients are computed
   * @param output the run's folder
   */
  record Facts(
      String corpus,
      long trainTokens,
      long validationTokens,
      int vocabulary,
      long parameters,
      String devices,
      String output) {}
}
