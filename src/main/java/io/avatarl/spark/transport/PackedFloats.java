package io.avatarl.spark.transport;

import io.avatarl.config.BroadcastConfig.Precision;
import io.avatarl.model.BFloat16;
import java.io.Externalizable;
import java.io.IOException;
import java.io.ObjectInput;
import java.io.ObjectOutput;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;

/**
 * Floats that are serialized as one block of bytes, because Java serialization writes them one by
 * one.
 */
public final class PackedFloats implements Externalizable {
  private Precision precision;
  private float[] values;

  /** For deserialization only. */
  public PackedFloats() {}

  /**
   * @param values must not change afterwards; a lower precision rounds them in a copy
   */
  public PackedFloats(Precision precision, float[] values) {
    this.precision = precision;
    this.values =
        switch (precision) {
          case FLOAT32 -> values;
          case BFLOAT16 -> {
            float[] rounded = new float[values.length];
            for (int i = 0; i < values.length; i++) {
              rounded[i] = BFloat16.toFloat(BFloat16.of(values[i]));
            }
            yield rounded;
          }
        };
  }

  public Precision precision() {
    return precision;
  }

  public float[] values() {
    return values;
  }

  /** Length of the block in bytes. */
  public int bytes() {
    return Math.multiplyExact(values.length, size(precision));
  }

  private static int size(Precision precision) {
    return switch (precision) {
      case FLOAT32 -> Float.BYTES;
      case BFLOAT16 -> Short.BYTES;
    };
  }

  /** The block. */
  byte[] toBytes() {
    ByteBuffer block = ByteBuffer.allocate(bytes()).order(ByteOrder.LITTLE_ENDIAN);
    switch (precision) {
      case FLOAT32 -> block.asFloatBuffer().put(values);
      case BFLOAT16 -> {
        ShortBuffer halves = block.asShortBuffer();
        for (float value : values) {
          halves.put(BFloat16.of(value));
        }
      }
    }
    return block.array();
  }

  /** A block of float32 from a part of an array. */
  static byte[] toBytes(float[] values, int from, int to) {
    ByteBuffer block =
        ByteBuffer.allocate(Math.multiplyExact(to - from, Float.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    block.asFloatBuffer().put(values, from, to - from);
    return block.array();
  }

  /** The numbers of a block. */
  static float[] values(Precision precision, byte[] bytes) {
    ByteBuffer block = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[bytes.length / size(precision)];
    switch (precision) {
      case FLOAT32 -> block.asFloatBuffer().get(values);
      case BFLOAT16 -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = BFloat16.toFloat(block.getShort());
        }
      }
    }
    return values;
  }

  @Override
  public void writeExternal(ObjectOutput out) throws IOException {
    out.writeObject(precision);
    out.writeInt(values.length);
    out.write(toBytes());
  }

  @Override
  public void readExternal(ObjectInput in) throws IOException, ClassNotFoundException {
    precision = (Precision) in.readObject();
    byte[] bytes = new byte[Math.multiplyExact(in.readInt(), size(precision))];
    in.readFully(bytes);
    values = values(precision, bytes);
  }
}
