package io.avatarl.bench;

import io.avatarl.bench.Results.Section;
import io.avatarl.config.TrainingConfig;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Sampled continuations with a key-value cache, next to PyTorch's loop. */
record GenerationSection(Bench bench) {
  Section table() throws IOException {
    TrainingConfig one = bench.configs().apply(List.of("nativeThreads=1"));
    int horizon = one.model().context() / 2;
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    Python torch = bench.python().forModel(one.model());
    List<Integer> batches = List.of(1, 32, 256);
    for (int batch : batches) {
      int samples = Math.min(8, batch);
      parts.put(
          "ours " + batch,
          Benchmarks.continuations(one, bench.corpus(), batch / samples, samples, horizon));
      if (torch.path() != null) {
        parts.put(
            "torch " + batch,
            torch.part(
                bench.folder(),
                "generate",
                one.model(),
                bench.vocabulary(),
                batch,
                1,
                List.of("--samples=" + samples, "--horizon=" + horizon)));
      }
    }
    Map<String, List<Measurement>> laps = bench.rounds().run(parts, bench.progress());
    Section table =
        new Section(
            "Sampled rollouts: tokens/s of K continuations of " + horizon + " tokens, one core",
            "continuations at once",
            "tokens/s",
            "PyTorch tokens/s",
            "time per token / PyTorch",
            "remark");
    for (int batch : batches) {
      Spread ours = rate(laps, "ours " + batch);
      int samples = Math.min(8, batch);
      String remark = "contexts × K = " + batch / samples + " × " + samples;
      if (torch.path() == null) {
        table.add(batch, ours, null, null, remark + "; " + torch.missing());
      } else {
        Spread theirs = rate(laps, "torch " + batch);
        table.add(batch, ours, theirs, theirs.over(ours), remark);
      }
    }
    return table;
  }

  private static Spread rate(Map<String, List<Measurement>> laps, String name) {
    return Spread.of(laps.get(name), Measurement::rate);
  }
}
