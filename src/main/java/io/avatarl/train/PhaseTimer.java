package io.avatarl.train;

import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.rollout.PolicyCluster;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Wall time by phase, in seconds. {@code rollout}, {@code reward}, {@code table} and {@code
 * gradient} (if executors learn) are the tasks' own times divided by the number of slots in use.
 * {@code transfer} is the rest of the rollout jobs: scheduling, serialization, network. With {@code
 * rollout.ahead = 1}, rollouts overlap with {@code learn}, so the phases add up to more than the
 * run.
 */
final class PhaseTimer {
  enum Phase {
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

  private final Map<Phase, Double> seconds = new EnumMap<>(Phase.class);
  private final Consumer<String> entered;

  /**
   * @param earlier {@link #seconds} at the checkpoint; empty for a new run
   * @param entered called on the training thread with each phase; outside the other phases, that
   *     thread waits for rollouts
   */
  PhaseTimer(Map<String, Double> earlier, Consumer<String> entered) {
    this.entered = entered;
    for (Phase phase : Phase.values()) {
      seconds.put(phase, earlier.getOrDefault(name(phase), 0.0));
    }
  }

  /** A phase that is running until it is closed. */
  interface Running extends AutoCloseable {
    @Override
    void close();
  }

  Running start(Phase phase) {
    long start = System.nanoTime();
    entered.accept(name(phase));
    return () -> {
      add(phase, (System.nanoTime() - start) / 1e9);
      entered.accept(name(Phase.ROLLOUT));
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
    add(Phase.ROLLOUT, rollout);
    double table = s.tableSeconds() / slots + job.tableSeconds();
    add(Phase.REWARD, reward);
    add(Phase.TABLE, table);
    add(Phase.GRADIENT, gradient);
    add(Phase.TRANSFER, Math.max(0, job.seconds() - rollout - reward - table - gradient));
  }

  void add(Phase phase, double more) {
    seconds.merge(phase, more, Double::sum);
  }

  /** Seconds by the phase's name in lower case. */
  Map<String, Double> seconds() {
    Map<String, Double> named = new LinkedHashMap<>();
    seconds.forEach((phase, s) -> named.put(name(phase), s));
    return named;
  }

  private static String name(Phase phase) {
    return phase.name().toLowerCase(Locale.ROOT);
  }
}
