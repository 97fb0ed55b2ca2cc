package io.avatarl.spark;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One version of the policy as it is broadcast.
 *
 * @param run distinguishes runs in one JVM
 * @param version the steps behind the weights
 * @param bytes flat float32 parameters, little-endian: Java serialization copies bytes at once but
 *     floats one by one
 */
record PolicyWeights(String run, long version, byte[] bytes) implements Serializable {
  static PolicyWeights of(String run, long version, float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return new PolicyWeights(run, version, bytes.array());
  }

  float[] values() {
    float[] values = new float[bytes.length / Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }
}
