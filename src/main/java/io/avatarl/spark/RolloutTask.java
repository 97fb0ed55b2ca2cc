package io.avatarl.spark;

import io.avatarl.config.KlConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.Windows;
import io.avatarl.model.Policy;
import io.avatarl.rollout.Exploration;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.Reference;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.rollout.Rows;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.broadcast.Broadcast;

/**
 * One shard of a step on an executor: windows, log-probabilities, exploration, rewards, advantages.
 * Depends on (seed, step, shard, stage, weights) alone, so that a second attempt gives the same
 * bits.
 */
final class RolloutTask implements Function<Integer, RolloutShard> {
  private final Broadcast<RunContext> context;
  private final Broadcast<PolicyWeights> weights;
  private final long step;
  private final int stage;
  private final RolloutTable.Writer table;

  /**
   * @param step from 0
   * @param stage of the curriculum
   * @param table where the rollouts are also written to; null: nowhere
   */
  RolloutTask(
      Broadcast<RunContext> context,
      Broadcast<PolicyWeights> weights,
      long step,
      int stage,
      RolloutTable.Writer table) {
    this.context = context;
    this.weights = weights;
    this.step = step;
    this.stage = stage;
    this.table = table;
  }

  @Override
  public RolloutShard call(Integer shard) {
    RunContext run = context.value();
    TrainingConfig config = run.config();
    long start = System.nanoTime();
    int windows = config.windowsInShard(shard);
    Rows rows =
        Rows.of(
            windows,
            Windows.draw(
                run.corpus(), config.model().context(), windows, config.seed(), step, shard));
    try (PolicyReplica replica = PolicyReplica.acquire(run, weights)) {
      float[] logProbs = logProbs(run, rows, replica.policy());
      RandomStream random =
          RandomStream.of(config.seed(), step, shard, RandomStream.Purpose.EXPLORATION);
      Groups groups =
          run.exploration(stage)
              .explore(new Exploration.Scene(rows, logProbs, replica.policy(), random));
      float[] reference = reference(run, groups, logProbs, replica.policy());
      long explored = System.nanoTime();
      Paid paid = Paid.of(run, stage, groups);
      long rewarded = System.nanoTime();
      if (table != null) {
        table.write(run, shard, weights.value().version(), paid);
      }
      long written = System.nanoTime();
      RolloutStatistics sums =
          RolloutStatistics.of(rows, logProbs, run.vocabulary(), groups, paid.rewards())
              .timed(
                  (explored - start) / 1e9,
                  (rewarded - explored + System.nanoTime() - written) / 1e9,
                  (written - rewarded) / 1e9);
      return new RolloutShard(shard, groups, paid.advantages(), reference, sums);
    }
  }

  /**
   * In batches as large as a minibatch, so that memory does not grow with the windows of a shard.
   */
  private static float[] logProbs(RunContext run, Rows rows, Policy policy) {
    int context = rows.context();
    int batch = run.config().rollout().windowsPerUpdate();
    float[] logProbs = new float[rows.inputs().length * run.vocabulary()];
    for (int from = 0; from < rows.windows(); from += batch) {
      int to = Math.min(rows.windows(), from + batch);
      long[] inputs = new long[(to - from) * context];
      for (int i = 0; i < inputs.length; i++) {
        inputs[i] = rows.inputs()[from * context + i];
      }
      float[] part = policy.logProbs(to - from, inputs);
      System.arraycopy(part, 0, logProbs, from * context * run.vocabulary(), part.length);
    }
    return logProbs;
  }

  private static float[] reference(RunContext run, Groups groups, float[] logProbs, Policy policy) {
    KlConfig kl = run.config().learner().kl();
    float[] all =
        switch (kl.reference()) {
          case NONE -> new float[0];
          case NGRAM -> Reference.ngram(run.ngrams(kl.order()), groups);
          case INITIAL -> {
            try (PolicyReplica initial = PolicyReplica.initial(run)) {
              yield Reference.policy(initial.policy(), groups);
            }
          }
          case LAST -> groups.first() == 0 ? logProbs : Reference.policy(policy, groups);
        };
    return all.length == 0 ? all : Reference.select(kl.estimator(), groups, all, run.vocabulary());
  }
}
