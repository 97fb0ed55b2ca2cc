package io.avatarl.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("numerical")
class BFloat16Test {
  @ParameterizedTest
  @CsvSource({
    "1.0, 1.0",
    "-0.0, -0.0",
    // 1 + 2^-8 lies between 1 and 1 + 2^-7: to the even one, down.
    "1.00390625, 1.0",
    // 1 + 3·2^-8 lies between 1 + 2^-7 and 1 + 2^-6: to the even one, up.
    "1.01171875, 1.015625",
    "3.14159265, 3.140625",
    // Beyond the largest bfloat16.
    "3.4e38, Infinity",
    "Infinity, Infinity"
  })
  void roundsToTheNearest(float value, float expected) {
    assertEquals(expected, BFloat16.toFloat(BFloat16.of(value)));
  }

  @Test
  void keepsWhatIsNoNumber() {
    assertTrue(Float.isNaN(BFloat16.toFloat(BFloat16.of(Float.intBitsToFloat(0x7fffffff)))));
    assertTrue(Float.isNaN(BFloat16.toFloat(BFloat16.of(Float.intBitsToFloat(0x7f800001)))));
  }

  @Test
  void noOtherIsNearer() {
    Random random = new Random(1);
    for (int i = 0; i < 10_000; i++) {
      float value = (float) (random.nextGaussian() * Math.exp(10 * random.nextGaussian()));
      short rounded = BFloat16.of(value);
      double distance = Math.abs((double) value - BFloat16.toFloat(rounded));
      for (int neighbour : new int[] {rounded - 1, rounded + 1}) {
        assertTrue(distance <= Math.abs((double) value - BFloat16.toFloat((short) neighbour)));
      }
    }
  }
}
