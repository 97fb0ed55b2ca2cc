package io.avatarl.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Runs benchmarks in turns: a machine's speed drifts, so each round runs every benchmark once, and
 * results are compared within a round.
 *
 * @param rounds number of rounds
 * @param seconds length of one run
 * @param warmUpSeconds before the first round, not counted
 */
public record InterleavedRunner(int rounds, double seconds, double warmUpSeconds) {
  /**
   * Runs the benchmarks and closes them.
   *
   * @param progress gets the name of each run
   * @return each benchmark's measurements by its name, one per round
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
