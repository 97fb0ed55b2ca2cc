package io.avatarl.bench;

import io.avatarl.bench.Results.Section;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How the cost of a group grows with context, width and vocabulary. */
record ScalingSection(Bench bench) {
  private static final int TOKENS_PER_MINIBATCH = 768;
  private static final int HEAD_WIDTH = 32;

  Section table() {
    int context = 64;
    int width = 128;
    int vocabulary = 65;
    Map<String, ModelCost> costs = new LinkedHashMap<>();
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    for (int c : List.of(64, 32, 128, 256)) {
      shape(costs, parts, c, width, vocabulary);
    }
    for (int w : List.of(64, 256, 512)) {
      shape(costs, parts, context, w, vocabulary);
    }
    for (int v : List.of(512, 2048, 8192)) {
      shape(costs, parts, context, width, v);
    }
    Map<String, List<Measurement>> laps = bench.rounds().run(parts, bench.progress());
    String base = costs.keySet().iterator().next();
    Spread baseTime = time(laps.get(base));
    Section table =
        new Section(
            "Cost of one group by shape: rollout and update on one core, without Spark",
            "shape",
            "µs/group",
            "MFLOP/group",
            "GFLOP/s",
            "time / first",
            "FLOP / first");
    costs.forEach(
        (name, cost) -> {
          Spread time = time(laps.get(name));
          table.add(
              name,
              time,
              cost.group() / 1e6,
              cost.group() / time.median() / 1e3,
              time.over(baseTime),
              cost.group() / costs.get(base).group());
        });
    table
        .notes()
        .add(
            "FLOP: matrix products only; the other costs of a group's V actions (exponentials,"
                + " rewards, advantages, the loss) grow with V");
    return table;
  }

  private static Spread time(List<Measurement> laps) {
    return Spread.of(laps, lap -> 1e6 * lap.seconds() / lap.units());
  }

  private void shape(
      Map<String, ModelCost> costs,
      Map<String, Benchmark> parts,
      int context,
      int width,
      int vocabulary) {
    TrainingConfig shaped =
        bench
            .configs()
            .apply(
                List.of(
                    "model.context=" + context,
                    "model.width=" + width,
                    "model.heads=" + Math.max(1, width / HEAD_WIDTH),
                    "rollout.windowsPerUpdate=" + Math.max(1, TOKENS_PER_MINIBATCH / context),
                    "learner.slices=1",
                    "nativeThreads=1"));
    String name = "context " + context + ", width " + width + ", vocabulary " + vocabulary;
    Corpus text = RandomText.of(vocabulary);
    costs.put(name, ModelCost.of(shaped.model(), text.tokenizer().vocabularySize()));
    parts.put(name, Benchmarks.rolloutAndUpdate(shaped, text));
  }
}
