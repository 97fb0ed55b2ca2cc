package io.avatarl.train;

import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.PolicyCluster;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Where the time goes, in seconds of wall time. {@code rollout}, {@code reward}, {@code table} and
 * {@code gradient} (where executors learn) are the tasks' own times divided by the slots that ran
 * them at once; {@code transfer} is the rest of the rollout jobs: scheduling, serialization,
 * network. With {@code rollout.ahead = 1} those of the rollouts overlap with {@code learn}, so that
 * the stages add up to more than the run.
 */
final class StageClock {
  enum Stage {
    ROLLOUT,
    REWARD,
    TABLE,
    GRADIENT,
    TRANSFER,
    LEARN,
    BROADCAST,
    EVALUATE,
    CHECKPOINT
  }

  private final Map<Stage, Double> seconds = new EnumMap<>(Stage.class);
  private final Consumer<String> entered;

  /**
   * @param entered is told of each stage on the driver's training thread; outside the others it
   *     waits for rollouts
   */
  StageClock(Consumer<String> entered) {
    this.entered = entered;
    for (Stage stage : Stage.values()) {
      seconds.put(stage, 0.0);
    }
  }

  /** Goes on from what {@link #seconds} gave. */
  void resume(Map<String, Double> earlier) {
    for (Stage stage : Stage.values()) {
      seconds.put(stage, earlier.getOrDefault(name(stage), 0.0));
    }
  }

  /** A stage that is running until it is closed. */
  interface Running extends AutoCloseable {
    @Override
    void close();
  }

  Running start(Stage stage) {
    long start = System.nanoTime();
    entered.accept(name(stage));
    return () -> {
      add(stage, (System.nanoTime() - start) / 1e9);
      entered.accept(name(Stage.ROLLOUT));
    };
  }

  /**
   * Adds a step's rollout job.
   *
   * @param slots tasks that ran at once
   */
  void rollouts(PolicyCluster.Step step, int slots) {
    round(step.statistics(), 0, step.job(), slots);
  }

  /** Adds a round in which executors also learned. */
  void gradients(PolicyCluster.Gradients round, int slots) {
    round(round.statistics(), round.seconds() / slots, round.job(), slots);
  }

  private void round(RolloutStatistics s, double gradient, PolicyCluster.JobCost job, int slots) {
    double rollout = s.rolloutSeconds() / slots;
    double reward = s.rewardSeconds() / slots;
    add(Stage.ROLLOUT, rollout);
    double table = s.tableSeconds() / slots + job.tableSeconds();
    add(Stage.REWARD, reward);
    add(Stage.TABLE, table);
    add(Stage.GRADIENT, gradient);
    add(Stage.TRANSFER, Math.max(0, job.seconds() - rollout - reward - table - gradient));
  }

  void add(Stage stage, double more) {
    seconds.merge(stage, more, Double::sum);
  }

  /** Seconds by the stage's name in lower case. */
  Map<String, Double> seconds() {
    Map<String, Double> named = new LinkedHashMap<>();
    seconds.forEach((stage, s) -> named.put(name(stage), s));
    return named;
  }

  private static String name(Stage stage) {
    return stage.name().toLowerCase(Locale.ROOT);
  }
}
