package io.avatarl.spark;

import io.avatarl.learner.LossSums;
import io.avatarl.rollout.RolloutStatistics;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What a task that learns returns: the gradient of its shard.
 *
 * @param bytes flat float32 gradient, little-endian: Java serialization copies bytes at once but
 *     floats one by one
 * @param groups over which the sums go
 * @param seconds time in the backward pass
 */
record ShardGradient(
    byte[] bytes, LossSums sums, int groups, RolloutStatistics statistics, double seconds)
    implements Serializable {
  static ShardGradient of(
      float[] gradient, LossSums sums, int groups, RolloutStatistics statistics, double seconds) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(gradient.length, Float.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(gradient);
    return new ShardGradient(bytes.array(), sums, groups, statistics, seconds);
  }

  float[] gradient() {
    float[] gradient = new float[bytes.length / Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(gradient);
    return gradient;
  }
}
