package io.avatarl.bench;

import java.util.Map;

/**
 * The result of one run of a benchmark.
 *
 * @param units number of units handled: groups (states, tokens), or the benchmark's own
 * @param times number of steps or repetitions
 * @param seconds wall time
 * @param cpuSeconds CPU time of the process and its children, which other processes disturb less
 *     than wall time
 * @param peakBytes peak resident memory of the process and its children so far, heap and native; 0
 *     if unknown
 * @param bytesPerStep bytes that one step sends between driver and executors, counted once per
 *     receiver
 * @param stageSeconds wall time by phase of a training step; else empty
 */
public record Measurement(
    long units,
    long times,
    double seconds,
    double cpuSeconds,
    long peakBytes,
    long bytesPerStep,
    Map<String, Double> stageSeconds) {
  /** A measurement that ends now. */
  static Measurement of(long units, long times, long startNanos, Processes.Usage before) {
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    Processes.Usage after = Processes.usage();
    return new Measurement(
        units,
        times,
        seconds,
        after.cpuSeconds() - before.cpuSeconds(),
        after.peakBytes(),
        0,
        Map.of());
  }

  /** Units per second. */
  public double rate() {
    return units / seconds;
  }
}
