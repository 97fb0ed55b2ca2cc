package io.avatarl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What tests of native memory need. */
public final class NativeMemory {
  private NativeMemory() {}

  /** Collects garbage and fills what was freed, so that reading freed memory shows. */
  public static void churn() {
    for (int round = 0; round < 4; round++) {
      System.gc();
      List<ByteBuffer> buffers = new ArrayList<>();
      for (int i = 0; i < 2000; i++) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(4 + i % 64);
        while (buffer.hasRemaining()) {
          buffer.put((byte) 0x7f);
        }
        buffers.add(buffer);
      }
      // Cleaners run on a thread of their own, after the collection.
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      assertEquals(2000, buffers.size());
    }
  }

  /** Counts a manager's arrays, those of its children included, and what it holds itself. */
  public static int held(NDManager manager) {
    try {
      Field resources = BaseNDManager.class.getDeclaredField("resources");
      resources.setAccessible(true);
      // A child without arrays is only found among the resources.
      return manager.getManagedArrays().size() + ((Map<?, ?>) resources.get(manager)).size();
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Resident memory of this process in bytes; 0 where the system does not say. */
  public static long resident() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
          .findFirst()
          .orElse(0);
    } catch (java.nio.file.NoSuchFileException e) {
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
