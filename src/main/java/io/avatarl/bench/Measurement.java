package io.avatarl.bench;

import java.util.Map;

/**
 * One run of a part.
 *
 * @param units handled: groups (states, tokens), or what the part says
 * @param times steps or repetitions
 * @param seconds wall time
 * @param cpuSeconds of the process and its children; disturbed less than wall time by other
 *     processes
 * @param peakBytes resident memory of the process and its children so far, native memory and all; 0
 *     where the system does not say
 * @param bytesPerStep what one step sends between driver and executors, once per receiver; 0 where
 *     nothing is sent
 * @param stageSeconds wall time by stage of a training step; empty elsewhere
 */
public record Measurement(
    long units,
    long times,
    double seconds,
    double cpuSeconds,
    long peakBytes,
    long bytesPerStep,
    Map<String, Double> stageSeconds) {
  /** A lap that ends now. */
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
