package io.avatarl.spark.rollout;

import io.avatarl.learner.LossSums;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.transport.PackedFloats;
import java.io.Serializable;

/**
 * What a task that learns returns: the gradient of its shard.
 *
 * @param gradient flat, in the model's layout
 * @param groups over which the sums go
 * @param seconds time in the backward pass
 */
record ShardGradient(
    PackedFloats gradient, LossSums sums, int groups, RolloutStatistics statistics, double seconds)
    implements Serializable {}
