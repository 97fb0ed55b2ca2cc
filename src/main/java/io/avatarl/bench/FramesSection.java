package io.avatarl.bench;

import io.avatarl.bench.Results.Section;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A step of the loop in DataFrames next to one of the fast loop, on as many continuations. */
record FramesSection(Bench bench) {
  private static final String MASTER = "local[2]";
  private static final int SAMPLES = 8;
  private static final int UPDATES = 8;

  /** The share of the letter e. */
  private static final String REWARD =
      "(length(replace(continuation, 'e', 'ee')) - length(continuation)) / length(continuation)";

  private static final List<String> SHAPE =
      List.of(
          "rollout.exploration=sampled",
          "rollout.draw=independent",
          "rollout.mixture=0",
          "rollout.temperature=1",
          "rollout.credit=sequence",
          "rollout.samples=" + SAMPLES,
          "learner.updatesPerStep=" + UPDATES,
          "advantage.estimator=grpo",
          "advantage.mean=weighted",
          "reward.weights.exact=0",
          "reward.custom.e.sql=\"" + REWARD + "\"",
          "reward.custom.e.lowest=0",
          "reward.custom.e.highest=1",
          "evaluation.every=0",
          "checkpoint.every=0",
          "rolloutTable.every=0");

  Section table() throws IOException {
    int tokens = bench.config().model().context() / 2;
    List<Integer> sizes = bench.quick() ? List.of(248) : List.of(248, 1_000);
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    for (int prompts : sizes) {
      List<String> shape = new ArrayList<>(SHAPE);
      shape.add("rollout.horizon=" + tokens);
      shape.add("rollout.windowsPerUpdate=" + prompts / UPDATES);
      parts.put(
          fast(prompts),
          bench.launch().training(MASTER, shape, bench.folder().resolve(prompts + "-fast.log")));
      parts.put(
          frames(prompts),
          bench
              .launch()
              .frames(MASTER, shape, REWARD, bench.folder().resolve(prompts + "-frames.log")));
    }
    Map<String, List<Measurement>> laps = bench.rounds().run(parts, bench.progress());
    Section table =
        new Section(
            "Loop in DataFrames: seconds of a step of " + SAMPLES + " × " + tokens + " tokens",
            "prompts",
            "fast loop",
            "DataFrames",
            "DataFrames / fast loop",
            "target");
    for (int prompts : sizes) {
      Spread fast = step(laps.get(fast(prompts)));
      Spread frames = step(laps.get(frames(prompts)));
      table.add(Integer.toString(prompts), fast, frames, frames.over(fast), "≤ 2");
    }
    table
        .notes()
        .add("the same model, updates and reward (an SQL expression over the continuation)");
    return table;
  }

  private static String fast(int prompts) {
    return prompts + " prompts, fast loop";
  }

  private static String frames(int prompts) {
    return prompts + " prompts, DataFrames";
  }

  private static Spread step(List<Measurement> laps) {
    return Spread.of(laps, lap -> lap.seconds() / lap.times());
  }
}
