package io.avatarl.spark.rollout;

import io.avatarl.config.TrainingConfig;
import io.avatarl.learner.LossGradient;
import io.avatarl.learner.LossSums;
import io.avatarl.learner.Minibatch;
import io.avatarl.model.Distributions;
import io.avatarl.model.Parameters;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.WindowBatch;
import io.avatarl.spark.transport.Summand;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.api.java.function.Function;

/**
 * One shard of an update on an executor that learns: one forward pass of the policy gives the
 * log-probabilities to explore with, and the loss is differentiated through the same pass.
 */
final class GradientTask implements Function<Integer, Summand<ShardGradient>> {
  private final ShardPipeline pipeline;
  private final int round;
  private final double klWeight;

  /**
   * @param round of the step, from 0
   * @param klWeight weight of the KL term in this update
   */
  GradientTask(ShardPipeline pipeline, int round, double klWeight) {
    this.pipeline = pipeline;
    this.round = round;
    this.klWeight = klWeight;
  }

  @Override
  public Summand<ShardGradient> call(Integer part) {
    TrainingConfig config = pipeline.context().value().config();
    long start = System.nanoTime();
    int shard = round * config.rollout().shards() + part;
    WindowBatch rows = pipeline.rows(shard);
    try (PolicyReplica replica = pipeline.replica();
        LossGradient.Forward forward = forward(replica, rows.windows(), rows.inputs(), 0)) {
      ShardPipeline.Explored explored =
          pipeline.explore(shard, rows, distributions(forward), replica.policy(), start);
      RolloutShard rollouts = explored.shard();
      long began = System.nanoTime();
      Groups groups = rollouts.groups();
      Minibatch minibatch = Minibatch.of(List.of(rollouts), 1).get(0);
      // The rows of continuations differ from those of the forward pass.
      int rowsPerWindow = groups.windows() / rows.windows();
      int all = config.rollout().windowsPerUpdate() * rowsPerWindow * groups.groupsPerRow();
      Parameters parameters = replica.policy().parameters();
      float[] gradient = new float[parameters.layout().length()];
      LossSums sums;
      if (groups.tokens() == rows.inputs()) {
        sums = forward.backward(minibatch, all, klWeight, gradient);
      } else {
        try (LossGradient.Forward own =
            forward(replica, groups.windows(), groups.tokens(), groups.first())) {
          sums = own.backward(minibatch, all, klWeight, gradient);
        }
      }
      double seconds = (System.nanoTime() - began) / 1e9;
      return new Summand<>(
          gradient,
          new ShardGradient(sums, groups.count(), pipeline.keep(explored).statistics(), seconds));
    }
  }

  private Distributions distributions(LossGradient.Forward forward) {
    Distributions kept = forward.distributions();
    return pipeline.triesEveryToken() ? Distributions.of(kept.logProbs(), kept.states()) : kept;
  }

  private static LossGradient.Forward forward(
      PolicyReplica replica, int windows, int[] inputs, int first) {
    return replica
        .lossGradient()
        .forward(
            replica.policy().parameters(),
            windows,
            Arrays.stream(inputs).asLongStream().toArray(),
            first);
  }
}
