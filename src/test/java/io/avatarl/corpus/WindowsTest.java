package io.avatarl.corpus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class WindowsTest {
  @Test
  void packsWindowsOneAfterAnother() {
    int[] tokens = {10, 11, 12, 13, 14};
    assertArrayEquals(new int[] {12, 13, 14, 10, 11, 12}, Windows.pack(tokens, 2, 2, 0));
  }

  @Test
  void everyOffsetThatFitsIsDrawnEquallyOften() {
    // 10 tokens hold 7 windows of 3 + 1.
    int[] counts = new int[7];
    for (int offset : Windows.offsets(10, 3, 70_000, 1, 2, 3)) {
      counts[offset]++;
    }
    for (int count : counts) {
      assertEquals(10_000, count, 500);
    }
  }

  @Test
  void dependOnSeedStepAndShardAlone() {
    int[] offsets = Windows.offsets(1000, 8, 16, 1, 2, 3);
    assertArrayEquals(offsets, Windows.offsets(1000, 8, 16, 1, 2, 3));
    assertFalse(Arrays.equals(offsets, Windows.offsets(1000, 8, 16, 2, 2, 3)));
    assertFalse(Arrays.equals(offsets, Windows.offsets(1000, 8, 16, 1, 3, 3)));
    assertFalse(Arrays.equals(offsets, Windows.offsets(1000, 8, 16, 1, 2, 4)));
    // A shard's first windows do not depend on how many it draws.
    assertArrayEquals(offsets, Arrays.copyOf(Windows.offsets(1000, 8, 99, 1, 2, 3), 16));
  }

  @Test
  void comeFromTheTrainingSplit() {
    Corpus corpus = Corpus.of("x", ("a".repeat(90) + "b".repeat(10)).getBytes(UTF_8), 0.1);
    int[] packed = Windows.draw(corpus.train(), 4, 50, 1, 2, 3, 4);
    assertEquals(250, packed.length);
    assertTrue(Arrays.stream(packed).allMatch(token -> token == 0));
  }

  @Test
  void oneWindowThatJustFits() {
    assertArrayEquals(new int[] {0, 0}, Windows.offsets(4, 3, 2, 1, 2, 3));
    assertThrows(IllegalArgumentException.class, () -> Windows.offsets(3, 3, 1, 1, 2, 3));
  }
}
