package io.avatarl.spark.rollout;

import io.avatarl.model.Distributions;
import io.avatarl.model.Policy;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.WindowBatch;
import org.apache.spark.api.java.function.Function;

/** One shard of a step on an executor, for a learner on the driver. */
final class RolloutTask implements Function<Integer, RolloutShard> {
  private final ShardPipeline pipeline;

  RolloutTask(ShardPipeline pipeline) {
    this.pipeline = pipeline;
  }

  @Override
  public RolloutShard call(Integer shard) {
    RunContext run = pipeline.context().value();
    long start = System.nanoTime();
    WindowBatch rows = pipeline.rows(shard);
    try (PolicyReplica replica = pipeline.replica();
        Distributions distributions = distributions(run, rows, replica.policy())) {
      return pipeline.keep(pipeline.explore(shard, rows, distributions, replica.policy(), start));
    }
  }

  /**
   * Works in batches of a minibatch's size, so that only the logits grow with the windows of a
   * shard.
   */
  private Distributions distributions(RunContext run, WindowBatch rows, Policy policy) {
    int atOnce = run.config().rollout().windowsPerUpdate();
    Distributions kept = policy.distributions(rows.windows(), rows.inputs(), atOnce);
    if (!pipeline.triesEveryToken()) {
      return kept;
    }
    try (kept) {
      return Distributions.of(kept.logProbs(), kept.states());
    }
  }
}
