package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PeakMemoryTest {
  @Test
  void aPeakStays() {
    long before = mebibytes();
    byte[] large = new byte[64 << 20];
    large[large.length - 1] = 1;
    long with = mebibytes();
    assertTrue(with >= before && with >= 64 * large[large.length - 1], with + " MiB");
    large = new byte[0];
    System.gc();
    assertTrue(mebibytes() >= with, "a peak does not fall, " + large.length);
  }

  private static long mebibytes() {
    String line = PeakMemory.line();
    assertTrue(line.matches("[\\d,]+ MiB of heap(, [\\d,]+ MiB resident)?"), line);
    return Long.parseLong(line.substring(0, line.indexOf(' ')).replace(",", ""));
  }
}
