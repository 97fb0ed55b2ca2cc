package io.avatarl.spark.rollout;

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
    try (PolicyReplica replica = pipeline.replica()) {
      float[] logProbs = logProbs(run, rows, replica.policy());
      return pipeline.keep(pipeline.explore(shard, rows, logProbs, replica.policy(), start));
    }
  }

  /**
   * Works in batches of a minibatch's size, so that memory does not grow with the windows of a
   * shard.
   */
  private static float[] logProbs(RunContext run, WindowBatch rows, Policy policy) {
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
}
