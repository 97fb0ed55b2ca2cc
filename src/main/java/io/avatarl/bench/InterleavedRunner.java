package io.avatarl.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Benchmarks that take turns: a machine's speed drifts, so each round runs every part once, and
 * figures are compared within a round.
 *
 * @param rounds how many
 * @param seconds of a lap
 * @param warmUpSeconds before the first round, not counted
 */
public record InterleavedRunner(int rounds, double seconds, double warmUpSeconds) {
  /**
   * Runs the parts, by name, and closes them.
   *
   * @param progress told what begins
   * @return each part's laps, one for every round
   */
  public Map<String, List<Measurement>> run(
      Map<String, Benchmark> parts, Consumer<String> progress) {
    Map<String, List<Measurement>> laps = new LinkedHashMap<>();
    try {
      parts.forEach(
          (name, part) -> {
            progress.accept("warming up: " + name);
            part.run(warmUpSeconds);
            laps.put(name, new ArrayList<>());
          });
      for (int round = 1; round <= rounds; round++) {
        for (Map.Entry<String, Benchmark> part : parts.entrySet()) {
          progress.accept("round " + round + "/" + rounds + ": " + part.getKey());
          laps.get(part.getKey()).add(part.getValue().run(seconds));
        }
      }
    } finally {
      parts.values().forEach(Benchmark::close);
    }
    return laps;
  }
}
