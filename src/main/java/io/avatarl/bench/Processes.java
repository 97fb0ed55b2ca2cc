package io.avatarl.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;

/** CPU time and memory of this process and its children, from the operating system. */
final class Processes {
  private Processes() {}

  /**
   * @param peakBytes the sum of each process's own peak of resident memory
   */
  record Usage(double cpuSeconds, long peakBytes) {}

  /** Usage of this process and those it started, such as the executors of {@code local-cluster}. */
  static Usage usage() {
    double cpu = 0;
    long peak = 0;
    ProcessHandle self = ProcessHandle.current();
    for (ProcessHandle process : Stream.concat(Stream.of(self), self.descendants()).toList()) {
      cpu += process.info().totalCpuDuration().orElse(Duration.ZERO).toNanos() / 1e9;
      peak += peak(process.pid());
    }
    return new Usage(cpu, peak);
  }

  /** High-water mark of the resident set; Linux only. */
  private static long peak(long pid) {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/status"))) {
      return lines
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst()
          .orElse(0);
    } catch (IOException | java.io.UncheckedIOException e) {
      return 0; // Not Linux, or the process has ended.
    }
  }
}
