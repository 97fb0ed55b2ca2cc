package io.avatarl.spark;

import io.avatarl.config.BroadcastConfig.Precision;
import io.avatarl.model.BFloat16;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;

/**
 * One version of the policy as it is broadcast.
 *
 * @param run distinguishes runs in one JVM
 * @param version the rounds behind the weights
 * @param bytes flat parameters, little-endian: Java serialization copies bytes at once but floats
 *     one by one
 */
record PolicyWeights(String run, long version, Precision precision, byte[] bytes)
    implements Serializable {
  static PolicyWeights of(String run, long version, Precision precision, float[] values) {
    int size =
        switch (precision) {
          case FLOAT32 -> Float.BYTES;
          case BFLOAT16 -> Short.BYTES;
        };
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, size)).order(ByteOrder.LITTLE_ENDIAN);
    switch (precision) {
      case FLOAT32 -> bytes.asFloatBuffer().put(values);
      case BFLOAT16 -> {
        ShortBuffer halves = bytes.asShortBuffer();
        for (float value : values) {
          halves.put(BFloat16.of(value));
        }
      }
    }
    return new PolicyWeights(run, version, precision, bytes.array());
  }

  float[] values() {
    ByteBuffer all = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    return switch (precision) {
      case FLOAT32 -> {
        float[] values = new float[bytes.length / Float.BYTES];
        all.asFloatBuffer().get(values);
        yield values;
      }
      case BFLOAT16 -> {
        float[] values = new float[bytes.length / Short.BYTES];
        ShortBuffer halves = all.asShortBuffer();
        for (int i = 0; i < values.length; i++) {
          values[i] = BFloat16.toFloat(halves.get(i));
        }
        yield values;
      }
    };
  }
}
