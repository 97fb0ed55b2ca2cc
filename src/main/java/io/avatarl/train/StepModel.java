package io.avatarl.train;

import io.avatarl.config.LearnerConfig.Placement;
import io.avatarl.config.TrainingConfig;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Predicts the time of a training step on other workers, as a sum of parts with constants measured
 * in a run:
 *
 * <pre>
 *   work       w · ⌈S / slots⌉ / (S · speed),   slots = min(workers, cores)
 *   driver     d / driverSpeed
 *   overhead   o · M
 *   broadcast  M · b · ⌈log₂(workers + 1)⌉ / bandwidth
 *   exchange   x · (n − 1) / n² / bandwidth,    n = min(workers, S)
 *   return     r / bandwidth
 * </pre>
 *
 * with w the seconds of all tasks of a step, S shards, d the seconds of the learner on the driver,
 * o the rest of a measured round, M rounds, b the bytes of a broadcast, x the bytes of gradients
 * exchanged between tasks, r the bytes returned. Spark's torrent broadcast doubles the number of
 * machines that have a block with each transfer. 1/n of the exchanged bytes stays on their worker.
 * o includes the transfers of the measured run, so bandwidth only matters if it is given.
 *
 * @param placement who differentiates
 * @param rounds M
 * @param shards S, of a round
 * @param work w
 * @param driver d
 * @param overhead o
 * @param broadcastBytes M · b
 * @param exchangedBytes x
 * @param returnedBytes r
 */
public record StepModel(
    Placement placement,
    int rounds,
    int shards,
    double work,
    double driver,
    double overhead,
    double broadcastBytes,
    double exchangedBytes,
    double returnedBytes) {

  /**
   * The cluster to predict for.
   *
   * @param workers executors with one task slot each
   * @param cores of all workers together, if fewer than workers
   * @param speed of a worker, relative to the measured one
   * @param driverSpeed of the driver's learner, likewise
   * @param bandwidth bytes per second of every link; infinite: as measured
   */
  public record Cluster(
      int workers, int cores, double speed, double driverSpeed, double bandwidth) {}

  /**
   * The constants of a run.
   *
   * @param slots tasks that ran at once
   */
  public static StepModel of(TrainingConfig config, Summary summary, int slots) {
    Map<String, Double> stages = summary.stageSeconds();
    double steps = summary.steps();
    int shards = config.rollout().shards();
    double used = Math.min(slots, shards);
    double tasks = stages.get("rollout") + stages.get("reward") + stages.get("gradient");
    double waves = Math.ceil(shards / used) / shards;
    return new StepModel(
        config.learner().placement(),
        config.roundsPerStep(),
        shards,
        tasks / steps / waves,
        stages.get("learn") / steps,
        (stages.get("transfer") + stages.get("broadcast")) / steps / config.roundsPerStep(),
        summary.bytesPerStep().get("broadcast"),
        exchanged(config, summary),
        summary.bytesPerStep().get("returned"));
  }

  /** Every shard's task passes on a gradient as large as the one returned. */
  private static double exchanged(TrainingConfig config, Summary summary) {
    boolean meet = config.learner().placement() == Placement.EXECUTORS;
    int shards = config.rollout().shards();
    return meet && shards > 1 ? (double) shards * summary.bytesPerStep().get("returned") : 0;
  }

  /** Seconds of a step by part, in the order of the formulas. */
  public Map<String, Double> predict(Cluster cluster) {
    int slots = Math.min(shards, Math.min(cluster.workers(), cluster.cores()));
    double hops = Math.ceil(Math.log(cluster.workers() + 1) / Math.log(2) - 1e-9);
    Map<String, Double> parts = new LinkedHashMap<>();
    parts.put("work", work * Math.ceil((double) shards / slots) / shards / cluster.speed());
    parts.put("driver", driver / cluster.driverSpeed());
    parts.put("overhead", overhead * rounds);
    parts.put("broadcast", broadcastBytes * hops / cluster.bandwidth());
    double holders = Math.min(cluster.workers(), shards);
    double sent = exchangedBytes * (holders - 1) / (holders * holders);
    parts.put("exchange", sent / cluster.bandwidth());
    parts.put("return", returnedBytes / cluster.bandwidth());
    return parts;
  }

  /** Seconds of a step by the clock of the run. */
  public static double measured(Summary summary) {
    return Stream.of("rollout", "reward", "gradient", "transfer", "learn", "broadcast")
            .mapToDouble(summary.stageSeconds()::get)
            .sum()
        / summary.steps();
  }

  /** A model with {@code factor} times the minibatch and {@code factor} times the shards. */
  public StepModel times(int factor) {
    // Groups grow with the minibatch; a gradient and the driver's work on it do not.
    int atDriver = placement == Placement.DRIVER ? factor : 1;
    return new StepModel(
        placement,
        rounds,
        shards * factor,
        work * factor,
        driver * atDriver,
        overhead,
        broadcastBytes,
        exchangedBytes * factor,
        returnedBytes * atDriver);
  }
}
