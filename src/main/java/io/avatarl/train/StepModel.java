package io.avatarl.train;

import io.avatarl.config.LearnerConfig.Placement;
import io.avatarl.config.TrainingConfig;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Time of a training step as a sum of parts, with constants measured in a run, and what the parts
 * become with other workers:
 *
 * <pre>
 *   work       w · ⌈S / slots⌉ / (S · speed),   slots = min(workers, cores)
 *   driver     d / driverSpeed
 *   overhead   o · M
 *   broadcast  M · b · ⌈log₂(workers + 1)⌉ / bandwidth
 *   return     r / bandwidth
 * </pre>
 *
 * w seconds of all tasks of a step, S shards, d seconds of the learner on the driver, o the rest of
 * a measured round, M rounds, b bytes of a broadcast, r bytes that come back. A torrent doubles the
 * number of those who have a block each time one is sent. The bytes of the measured run are in o,
 * so bandwidth matters where it is given.
 *
 * @param placement who differentiates
 * @param rounds M
 * @param shards S, of a round
 * @param work w
 * @param driver d
 * @param overhead o
 * @param broadcastBytes M · b
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
    double returnedBytes) {

  /**
   * What the driver does besides adding gradients up (AdamW, the norm, the checks), in additions of
   * a gradient; the slope and the intercept of runs with 1, 2, 4 and 8 shards, see docs/scaling.md.
   */
  private static final double ADDITIONS = 9;

  /**
   * Where a step is to run.
   *
   * @param workers executors with one task slot each
   * @param cores of all workers together, where these are fewer than workers
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
        summary.bytesPerStep().get("returned"));
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

  /** The same model with a minibatch so many times as large, in as many times the shards. */
  public StepModel times(int factor) {
    return new StepModel(
        placement,
        rounds,
        shards * factor,
        work * factor,
        placement == Placement.DRIVER
            ? driver * factor
            : driver * (shards * factor + ADDITIONS) / (shards + ADDITIONS),
        overhead,
        broadcastBytes,
        // Groups or gradients, one of each from every shard.
        returnedBytes * factor);
  }
}
