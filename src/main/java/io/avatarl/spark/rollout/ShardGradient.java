package io.avatarl.spark.rollout;

import io.avatarl.learner.LossSums;
import io.avatarl.rollout.RolloutStatistics;
import java.io.Serializable;

/**
 * What a task that learns returns, besides the gradient of its shard.
 *
 * @param groups number of groups in the sums
 * @param seconds time in the backward pass
 */
record ShardGradient(LossSums sums, int groups, RolloutStatistics statistics, double seconds)
    implements Serializable {}
