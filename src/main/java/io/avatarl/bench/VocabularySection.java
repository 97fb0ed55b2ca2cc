package io.avatarl.bench;

import io.avatarl.bench.Results.Section;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How the cost of a group of few actions grows with the vocabulary that they are drawn from. */
record VocabularySection(Bench bench) {
  private static final int SAMPLES = 16;
  private static final List<Integer> VOCABULARIES = List.of(65, 1_024, 8_192, 50_257);

  Section table() {
    Map<Integer, Benchmark> parts = new LinkedHashMap<>();
    Map<Integer, ModelCost> costs = new LinkedHashMap<>();
    Map<Integer, Long> bytes = new LinkedHashMap<>();
    for (int vocabulary : VOCABULARIES) {
      TrainingConfig config =
          bench
              .configs()
              .apply(
                  List.of(
                      "rollout.exploration=sampled",
                      "rollout.samples=" + SAMPLES,
                      "rollout.draw=without-replacement",
                      "rollout.mixture=0",
                      "learner.slices=1",
                      "nativeThreads=1"));
      Corpus text = RandomText.of(vocabulary);
      costs.put(vocabulary, ModelCost.of(config.model(), vocabulary));
      bytes.put(vocabulary, Benchmarks.bytesPerGroup(config, text));
      parts.put(vocabulary, Benchmarks.rolloutAndUpdate(config, text));
    }
    Map<String, Benchmark> named = new LinkedHashMap<>();
    parts.forEach((vocabulary, part) -> named.put("vocabulary " + vocabulary, part));
    Map<String, List<Measurement>> laps = bench.rounds().run(named, bench.progress());
    Section table =
        new Section(
            "Cost of one group of "
                + SAMPLES
                + " actions by vocabulary: rollout and update on one core",
            "vocabulary",
            "µs/group",
            "MFLOP/group",
            "time / first",
            "FLOP / first",
            "bytes/group to the driver",
            "exhaustive: bytes");
    Spread first = time(laps, VOCABULARIES.get(0));
    double firstCost = costs.get(VOCABULARIES.get(0)).group();
    for (int vocabulary : VOCABULARIES) {
      Spread time = time(laps, vocabulary);
      double cost = costs.get(vocabulary).group();
      table.add(
          Integer.toString(vocabulary),
          time,
          cost / 1e6,
          time.over(first),
          cost / firstCost,
          bytes.get(vocabulary),
          4 * (3L * vocabulary + 1));
    }
    table
        .notes()
        .add("FLOP: matrix products alone, of which those that make the logits grow with V");
    return table;
  }

  private static Spread time(Map<String, List<Measurement>> laps, int vocabulary) {
    return Spread.of(
        laps.get("vocabulary " + vocabulary), lap -> 1e6 * lap.seconds() / lap.units());
  }
}
