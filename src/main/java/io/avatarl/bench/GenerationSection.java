package io.avatarl.bench;

import io.avatarl.bench.Results.Section;
import io.avatarl.config.TrainingConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Sampled continuations with a key-value cache, next to PyTorch's loop, and the cost of learning
 * from them.
 */
record GenerationSection(Bench bench) {
  private static final int SAMPLES = 8;

  /** Of continuations, in which their target is set. */
  private static final int TARGET_BATCH = 256;

  private static final String CONTINUATIONS = "policy update on continuations";
  private static final String SUPERVISED = "cross-entropy, own learner";
  private static final String EAGER = "PyTorch eager";

  /** A batch of continuations of one length. */
  private record Shape(int batch, int horizon) {
    int samples() {
      return Math.min(SAMPLES, batch);
    }

    String name() {
      return batch + " × " + horizon + " tokens";
    }
  }

  List<Section> tables() throws IOException {
    return List.of(sampling(), learning());
  }

  private Section sampling() throws IOException {
    TrainingConfig one = bench.configs().apply(List.of("nativeThreads=1"));
    int context = one.model().context();
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    Python torch = bench.python().forModel(one.model());
    List<Shape> shapes =
        List.of(
            new Shape(1, context / 2),
            new Shape(32, context / 2),
            new Shape(256, context / 2),
            new Shape(256, context));
    for (Shape shape : shapes) {
      parts.put(
          "ours " + shape.name(),
          Benchmarks.continuations(
              one,
              bench.corpus(),
              shape.batch() / shape.samples(),
              shape.samples(),
              shape.horizon()));
      if (torch.path().isPresent()) {
        parts.put(
            "torch " + shape.name(),
            torch.part(
                bench.folder(),
                "generate",
                one.model(),
                bench.vocabulary(),
                shape.batch(),
                1,
                List.of("--samples=" + shape.samples(), "--horizon=" + shape.horizon())));
      }
    }
    Map<String, List<Measurement>> laps = bench.rounds().run(parts, bench.progress());
    Section table =
        new Section(
            "Sampled rollouts: tokens/s, one core",
            "continuations at once",
            "tokens/s",
            "PyTorch tokens/s",
            "time per token / PyTorch",
            "target",
            "remark");
    for (Shape shape : shapes) {
      Spread ours = rate(laps, "ours " + shape.name());
      String remark = "contexts × K = " + shape.batch() / shape.samples() + " × " + shape.samples();
      String target = shape.batch() == TARGET_BATCH ? "≤ 0.85" : "";
      if (torch.path().isEmpty()) {
        table.add(shape.name(), ours, null, null, target, remark + "; " + torch.missing());
      } else {
        Spread theirs = rate(laps, "torch " + shape.name());
        table.add(shape.name(), ours, theirs, theirs.over(ours), target, remark);
      }
    }
    return table;
  }

  /** An update on continuations of the context's length, and a supervised one on as many tokens. */
  private Section learning() throws IOException {
    TrainingConfig config = bench.config();
    int contexts = Math.max(1, config.rollout().windowsPerUpdate() / SAMPLES);
    int rows = contexts * SAMPLES;
    List<String> still =
        List.of(
            "learner.optimizer.learningRate=1e-9", "learner.updatesPerStep=1", "rollout.shards=1");
    List<String> continuations = new ArrayList<>(still);
    continuations.addAll(
        List.of(
            "rollout.windowsPerUpdate=" + contexts,
            "rollout.exploration=sampled",
            "rollout.draw=independent",
            "rollout.mixture=0",
            "rollout.temperature=1",
            "rollout.samples=" + SAMPLES,
            "rollout.horizon=" + config.model().context(),
            "advantage.mean=weighted"));
    List<String> windows = new ArrayList<>(still);
    windows.add("rollout.windowsPerUpdate=" + rows);
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    parts.put(
        CONTINUATIONS, Benchmarks.learner(bench.configs().apply(continuations), bench.corpus()));
    parts.put(SUPERVISED, Benchmarks.crossEntropy(bench.configs().apply(windows), bench.corpus()));
    Python torch = bench.python().forModel(config.model());
    if (torch.path().isPresent()) {
      parts.put(
          EAGER,
          torch.part(
              bench.folder(),
              "train",
              config.model(),
              bench.vocabulary(),
              rows,
              bench.threads(),
              List.of()));
    }
    Map<String, List<Measurement>> laps = bench.rounds().run(parts, bench.progress());
    Section table =
        new Section(
            "Learning from continuations: tokens/s of an update, "
                + contexts
                + " contexts × "
                + SAMPLES
                + " × "
                + config.model().context()
                + " tokens",
            "what",
            "tokens/s",
            "time per token / " + SUPERVISED,
            "target",
            "remark");
    Spread supervised = rate(laps, SUPERVISED);
    Spread ours = rate(laps, CONTINUATIONS);
    table.add(CONTINUATIONS, ours, supervised.over(ours), "≤ 1.5", "without drawing them");
    table.add(SUPERVISED, supervised, null, null, "as many tokens of the corpus");
    if (torch.path().isEmpty()) {
      table.add(EAGER, null, null, null, torch.missing());
    } else {
      Spread theirs = rate(laps, EAGER);
      table.add(EAGER, theirs, supervised.over(theirs), null, "cross-entropy, as many tokens");
    }
    return table;
  }

  private static Spread rate(Map<String, List<Measurement>> laps, String name) {
    return Spread.of(laps.get(name), Measurement::rate);
  }
}
