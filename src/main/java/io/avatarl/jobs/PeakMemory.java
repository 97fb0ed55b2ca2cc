package io.avatarl.jobs;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;

/** The most memory that this process had, with what Spark's tasks had under a local master. */
final class PeakMemory {
  private static final Path STATUS = Path.of("/proc/self/status");

  private PeakMemory() {}

  /** In a line: heap, and where the kernel says so (Linux), all that was resident. */
  static String line() {
    long heap =
        ManagementFactory.getMemoryPoolMXBeans().stream()
            .filter(pool -> pool.getType() == MemoryType.HEAP)
            .map(MemoryPoolMXBean::getPeakUsage)
            .mapToLong(usage -> usage.getUsed() >> 20)
            .sum();
    OptionalLong resident = residentMebibytes();
    return String.format(Locale.ROOT, "%,d MiB of heap", heap)
        + (resident.isPresent()
            ? String.format(Locale.ROOT, ", %,d MiB resident", resident.getAsLong())
            : "");
  }

  /** Heap, native memory and all. */
  static OptionalLong residentMebibytes() {
    if (!Files.isReadable(STATUS)) {
      return OptionalLong.empty();
    }
    try {
      return Files.readAllLines(STATUS).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }
}
