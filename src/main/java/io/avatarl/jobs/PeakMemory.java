package io.avatarl.jobs;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;

/** Peak memory of this process, which includes Spark's tasks under a local master. */
final class PeakMemory {
  private static final Path STATUS = Path.of("/proc/self/status");

  private PeakMemory() {}

  /** One line: peak heap and, on Linux, peak resident memory. */
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

  /** Peak resident memory, heap and native. */
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
