package io.avatarl.bench;

import ai.djl.Device;
import ai.djl.engine.Engine;
import io.avatarl.bench.Results.Section;
import io.avatarl.config.GptConfig.Precision;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.model.NativeEngine;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The preset's shape on a GPU, in each precision, next to PyTorch's own loop. */
record GpuSection(Bench bench) {
  private static final String UPDATE = "update";
  private static final String BOTH = "rollout and update";
  private static final String EAGER = "PyTorch eager";
  private static final String COMPILED = "PyTorch torch.compile";

  /**
   * @throws UserError if PyTorch sees no GPU
   */
  List<Section> tables() throws IOException {
    TrainingConfig first = bench.config();
    NativeEngine.load(first.nativeThreads(), first.model().precision());
    if (Engine.getInstance().getGpuCount() == 0) {
      throw new UserError(
          "section gpu: "
              + NativeEngine.describe()
              + " sees no GPU; PYTORCH_LIBRARY_PATH must name the torch/lib folder of a PyTorch"
              + " for CUDA, and the machine needs NVIDIA's driver");
    }
    List<Section> tables = new ArrayList<>();
    for (Precision precision : Precision.values()) {
      Section table = table(precision.name().toLowerCase(Locale.ROOT));
      Results.lines(table).forEach(bench.progress()); // Each takes a minute or more.
      tables.add(table);
    }
    return tables;
  }

  private Section table(String precision) throws IOException {
    TrainingConfig config =
        bench.configs().apply(List.of("model.precision=" + precision, "learner.slices=1"));
    ModelCost cost = ModelCost.of(config.model(), bench.vocabulary());
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    Map<String, Double> operations = new LinkedHashMap<>();
    parts.put(UPDATE, Benchmarks.learner(config, bench.corpus(), Device.gpu(0)));
    operations.put(UPDATE, cost.update());
    parts.put(BOTH, Benchmarks.rolloutAndUpdate(config, bench.corpus(), Device.gpu(0)));
    operations.put(BOTH, cost.group());
    Python python = bench.python().forModel(config.model());
    if (python.path().isPresent()) {
      for (String name : List.of(EAGER, COMPILED)) {
        List<String> more = new ArrayList<>(List.of("--device=cuda", "--precision=" + precision));
        if (name.equals(COMPILED)) {
          more.add("--compile");
        }
        parts.put(
            name,
            python.part(
                bench.folder(),
                "train",
                config.model(),
                bench.vocabulary(),
                config.rollout().windowsPerUpdate(),
                1,
                more));
        operations.put(name, cost.update());
      }
    }
    Map<String, List<Measurement>> laps = bench.rounds().run(parts, bench.progress());
    Section table =
        new Section(
            "On a GPU, "
                + precision
                + ": context "
                + config.model().context()
                + ", width "
                + config.model().width()
                + ", layers "
                + config.model().layers()
                + ", minibatches of "
                + config.rollout().windowsPerUpdate()
                + " windows",
            "what",
            "groups/s",
            "TFLOP/s",
            "time per group / PyTorch eager");
    Map<String, Spread> times = new LinkedHashMap<>();
    laps.forEach(
        (name, measured) ->
            times.put(name, Spread.of(measured, lap -> lap.seconds() / lap.units())));
    laps.forEach(
        (name, measured) ->
            table.add(
                name,
                Spread.of(measured, lap -> lap.units() / lap.seconds()),
                operations.get(name) / times.get(name).median() / 1e12,
                times.containsKey(EAGER) ? times.get(name).over(times.get(EAGER)) : null));
    table.notes().add("update: forward, backward, clipping and optimizer, as PyTorch's loop");
    if (python.path().isEmpty()) {
      table.notes().add(python.missing());
    }
    return table;
  }
}
