package io.avatarl.model;

/**
 * bfloat16: the upper half of a float32, with its exponent and 7 of its 23 bits of fraction (Wang
 * and Kanwar 2019, "BFloat16: the secret to high performance on Cloud TPUs").
 */
public final class BFloat16 {
  private BFloat16() {}

  /** The nearest bfloat16 of a number, a tie going to the even one (IEEE 754, 4.3.1). */
  public static short of(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40); // rounding could carry into the sign
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  /** Exact. */
  public static float toFloat(short value) {
    return Float.intBitsToFloat(value << 16);
  }
}
