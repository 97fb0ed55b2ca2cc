package io.avatarl.spark;

import io.avatarl.advantage.AdvantageEstimator;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.Windows;
import io.avatarl.rollout.Exploration;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import java.util.Map;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.broadcast.Broadcast;

/**
 * One shard of a step on an executor: windows, log-probabilities, exploration, rewards, advantages.
 * Depends on (seed, step, shard, weights) alone, so that a second attempt gives the same bits.
 */
final class RolloutTask implements Function<Integer, RolloutShard> {
  private final Broadcast<RunContext> context;
  private final Broadcast<PolicyWeights> weights;
  private final long step;
  private final RolloutTable.Writer table;

  /**
   * @param step from 0
   * @param table where the rollouts are also written to; null: nowhere
   */
  RolloutTask(
      Broadcast<RunContext> context,
      Broadcast<PolicyWeights> weights,
      long step,
      RolloutTable.Writer table) {
    this.context = context;
    this.weights = weights;
    this.step = step;
    this.table = table;
  }

  @Override
  public RolloutShard call(Integer shard) {
    RunContext run = context.value();
    TrainingConfig config = run.config();
    long start = System.nanoTime();
    int windows = windows(config, shard);
    int length = config.model().context();
    int[] tokens = Windows.draw(run.corpus(), length, windows, config.seed(), step, shard);
    float[] logProbs = logProbs(run, windows, tokens);
    Groups groups =
        Exploration.of(config.rollout(), run.vocabulary())
            .explore(
                windows,
                tokens,
                logProbs,
                RandomStream.of(config.seed(), step, shard, RandomStream.Purpose.EXPLORATION));
    long explored = System.nanoTime();
    Map<String, float[]> components = run.rewards().components(groups);
    float[] rewards = run.rewards().total(components);
    float[] advantages = AdvantageEstimator.of(config.advantage()).advantages(groups, rewards);
    long rewarded = System.nanoTime();
    if (table != null) {
      table.write(run, shard, weights.value().version(), groups, components, rewards, advantages);
    }
    long written = System.nanoTime();
    RolloutStatistics sums =
        RolloutStatistics.of(groups, logProbs, run.vocabulary(), rewards)
            .timed(
                (explored - start) / 1e9,
                (rewarded - explored + System.nanoTime() - written) / 1e9,
                (written - rewarded) / 1e9);
    return new RolloutShard(shard, groups, advantages, sums);
  }

  /** Windows of this shard: an even share of the step's. */
  private static int windows(TrainingConfig config, int shard) {
    return firstWindow(config, shard + 1) - firstWindow(config, shard);
  }

  /** Windows of a step in the shards before this one. */
  static int firstWindow(TrainingConfig config, int shard) {
    return (int) ((long) config.windowsPerStep() * shard / config.rollout().shards());
  }

  /**
   * In batches as large as a minibatch, so that memory does not grow with the windows of a shard.
   */
  private float[] logProbs(RunContext run, int windows, int[] tokens) {
    int context = run.config().model().context();
    int batch = run.config().rollout().windowsPerUpdate();
    float[] logProbs = new float[windows * context * run.vocabulary()];
    try (PolicyReplica replica = PolicyReplica.acquire(run.config(), run.vocabulary(), weights)) {
      for (int from = 0; from < windows; from += batch) {
        int to = Math.min(windows, from + batch);
        long[] inputs = new long[(to - from) * context];
        for (int i = 0; i < inputs.length; i++) {
          inputs[i] = tokens[(from + i / context) * (context + 1) + i % context];
        }
        float[] part = replica.policy().logProbs(to - from, inputs);
        System.arraycopy(part, 0, logProbs, from * context * run.vocabulary(), part.length);
      }
    }
    return logProbs;
  }
}
