package io.avatarl.spark.rollout;

import io.avatarl.rollout.Groups;
import io.avatarl.rollout.ReferenceLogProbs;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.spark.transport.TaskValue;
import java.util.ArrayList;
import java.util.Optional;
import org.apache.spark.api.java.function.Function;

/** Log-probabilities of existing groups under the KL term's reference. */
final class ReferenceTask implements Function<Integer, float[]> {
  private static final long serialVersionUID = 1;

  private final TaskValue<RunContext> context;
  private final PolicyBroadcast policy;
  private final TaskValue<ArrayList<RolloutShard>> shards;

  ReferenceTask(
      TaskValue<RunContext> context,
      PolicyBroadcast policy,
      TaskValue<ArrayList<RolloutShard>> shards) {
    this.context = context;
    this.policy = policy;
    this.shards = shards;
  }

  @Override
  public float[] call(Integer part) {
    RunContext run = context.value();
    Groups groups = shards.value().get(part).groups();
    try (PolicyReplica replica = PolicyReplica.acquire(run, policy)) {
      return ReferenceLogProbs.select(
          run.config().learner().kl().estimator(),
          groups,
          ShardPipeline.reference(run, groups, Optional.empty(), replica.policy()),
          run.vocabulary());
    }
  }
}
