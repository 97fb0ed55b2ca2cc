package io.avatarl.bench;

import io.avatarl.bench.Results.Section;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The arithmetic that the model's shape needs, next to this processor's peak speed. */
record FloorSection(Bench bench) {
  Section table() {
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    parts.put("products", Benchmarks.matrixProducts(bench.config()));
    parts.put("copies", Benchmarks.memoryCopies(bench.config()));
    parts.put(
        "learner",
        Benchmarks.learner(
            bench.configs().apply(List.of("learner.optimizer.learningRate=1e-9")), bench.corpus()));
    Map<String, List<Measurement>> laps = bench.rounds().run(parts, bench.progress());
    ModelCost cost = ModelCost.of(bench.config().model(), bench.vocabulary());
    Spread peak = Spread.of(laps.get("products"), Measurement::rate);
    Section table = new Section("Floor", "figure", "value", "unit");
    table.add("forward, per token", cost.forward() / 1e6, "MFLOP");
    table.add("forward and backward, per token", cost.update() / 1e6, "MFLOP");
    table.add("one group of a training step (rollout, update)", cost.group() / 1e6, "MFLOP");
    table.add("one step", cost.group() * bench.config().groupsPerStep() / 1e9, "GFLOP");
    table.add(
        "matrix products 1024 × 1024, " + bench.threads() + " threads",
        Spread.of(laps.get("products"), lap -> lap.rate() / 1e9),
        "GFLOP/s");
    table.add(
        "memory copies, " + bench.threads() + " threads",
        Spread.of(laps.get("copies"), lap -> lap.rate() / 1e9),
        "GB/s");
    table.add(
        "groups/s, if all arithmetic ran at that speed", peak.median() / cost.group(), "groups/s");
    table.add(
        "bare learner",
        Spread.of(laps.get("learner"), lap -> lap.rate() * cost.update() / 1e9),
        "GFLOP/s");
    table.add(
        "bare learner, share of that speed",
        Spread.of(laps.get("learner"), lap -> lap.rate() * cost.update()).over(peak),
        "");
    return table;
  }
}
