package io.avatarl.bench;

import io.avatarl.bench.Results.Section;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/** Tokens per second of the job and of its yardsticks, the job's phases, the ratios. */
record StepSection(Bench bench) {
  /**
   * A way to run the whole job.
   *
   * @param quick whether {@code --quick} includes it
   */
  private record Variant(
      String name, String master, List<String> overrides, String target, boolean quick) {}

  private static final String ONE_SHARD_A_CORE = "executors learn";

  /** Each core differentiates one shard, of the largest possible size. */
  private static final List<String> ON_EXECUTORS =
      List.of("learner.placement=executors", "rollout.shards=2");

  private static final List<Variant> VARIANTS =
      List.of(
          new Variant("local[1]", "local[1]", List.of(), "", false),
          new Variant("local[2]", "local[2]", List.of(), "≤ 1.42", true),
          new Variant("local[2] " + ONE_SHARD_A_CORE, "local[2]", ON_EXECUTORS, "≤ 1.20", true),
          new Variant("local-cluster", "local-cluster[2,1,1024]", List.of(), "≤ 1.60", true),
          new Variant(
              "local-cluster " + ONE_SHARD_A_CORE,
              "local-cluster[2,1,1024]",
              ON_EXECUTORS,
              "≤ 1.60",
              false));

  /** The variant that represents the whole job in comparisons. */
  private static final String JOB = "whole job, local[2]";

  private static final String LEARNER = "bare learner";
  private static final String LOOP = "plain DJL loop";
  private static final String OWN_LOOP = "cross-entropy, own learner";
  private static final String EAGER = "PyTorch eager";
  private static final String COMPILED = "PyTorch torch.compile";
  private static final String ONE_THREAD = ", one thread";
  private static final String PER_ACTION = "one forward per action";
  private static final String PER_WINDOW = "one window per action";

  private List<Variant> variants() {
    return VARIANTS.stream().filter(variant -> variant.quick() || !bench.quick()).toList();
  }

  List<Section> tables() throws IOException {
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    Map<String, String> missing = new LinkedHashMap<>();
    // A learning rate near 0: otherwise the repeated groups are soon clipped, and the benchmark
    // would measure gradients of zeros.
    parts.put(
        LEARNER,
        Benchmarks.learner(
            bench.configs().apply(List.of("learner.optimizer.learningRate=1e-9")), bench.corpus()));
    // PyTorch's threads wait for each other by spinning, and they wait long if anything else runs;
    // a single thread never waits.
    parts.put(
        LEARNER + ONE_THREAD,
        Benchmarks.learner(
            bench
                .configs()
                .apply(List.of("learner.optimizer.learningRate=1e-9", "learner.slices=1")),
            bench.corpus()));
    List<String> always =
        bench.quick()
            ? List.of("evaluation.every=0", "checkpoint.every=0", "rolloutTable.every=0")
            : List.of();
    for (Variant variant : variants()) {
      List<String> overrides = new ArrayList<>(always);
      overrides.addAll(variant.overrides());
      String name = "whole job, " + variant.name();
      parts.put(
          name,
          bench
              .launch()
              .training(
                  variant.master(),
                  overrides,
                  bench.folder().resolve(name.replaceAll("\\W+", "-") + ".log")));
    }
    parts.put(LOOP, Benchmarks.plainDjl(bench.config(), bench.corpus()));
    parts.put(OWN_LOOP, Benchmarks.crossEntropy(bench.config(), bench.corpus()));
    Python torch = bench.python().forModel(bench.config().model());
    if (torch.path().isEmpty()) {
      missing.put(EAGER, torch.missing());
      missing.put(EAGER + ONE_THREAD, torch.missing());
    } else {
      parts.put(EAGER, torch(torch, bench.threads(), List.of()));
      parts.put(EAGER + ONE_THREAD, torch(torch, 1, List.of()));
    }
    if (bench.quick()) {
      missing.put(COMPILED, "left out by --quick");
    } else if (torch.path().isEmpty()) {
      missing.put(COMPILED, torch.missing());
    } else {
      parts.put(COMPILED, torch(torch, bench.threads(), List.of("--compile")));
    }
    parts.put(PER_ACTION, Benchmarks.oneForwardPerAction(bench.config(), bench.corpus()));
    parts.put(PER_WINDOW, Benchmarks.windowPerAction(bench.config(), bench.corpus()));
    Map<String, List<Measurement>> laps = bench.rounds().run(parts, bench.progress());
    Set<String> names = new LinkedHashSet<>(laps.keySet());
    names.addAll(missing.keySet());
    return List.of(rates(names, laps, missing), stages(laps), ratios(laps, missing));
  }

  private Benchmark torch(Python torch, int threads, List<String> more) throws IOException {
    return torch.part(
        bench.folder(),
        "train",
        bench.config().model(),
        bench.vocabulary(),
        bench.config().rollout().windowsPerUpdate(),
        threads,
        more);
  }

  private static Section rates(
      Set<String> names, Map<String, List<Measurement>> laps, Map<String, String> missing) {
    Section table =
        new Section(
            "Speed, higher is better (one group is one state, and one token of a window)",
            "what",
            "groups/s",
            "CPU µs/group",
            "peak memory MiB",
            "remark");
    for (String name : names) {
      if (missing.containsKey(name)) {
        table.add(name, null, null, null, missing.get(name));
        continue;
      }
      List<Measurement> of = laps.get(name);
      boolean own = name.startsWith("whole job") || name.startsWith("PyTorch");
      Object peak = own ? (Object) (double) (of.get(of.size() - 1).peakBytes() / (1 << 20)) : null;
      table.add(
          name,
          Spread.of(of, Measurement::rate),
          Spread.of(of, lap -> 1e6 * lap.cpuSeconds() / lap.units()),
          peak,
          remark(name));
    }
    table
        .notes()
        .add(
            "peak memory is the sum of each process's own peak, heap and native; rows without it"
                + " share the bench's own process");
    return table;
  }

  private static String remark(String name) {
    return switch (name.replace(ONE_THREAD, "")) {
      case LEARNER -> "forward, backward, AdamW on fixed groups";
      case LOOP -> "cross-entropy with DJL's operations, gradient collector and AdamW; no Spark";
      case OWN_LOOP -> "cross-entropy with this project's model and learner; no Spark";
      case EAGER, COMPILED -> "forward, backward by cross-entropy, clipping, AdamW";
      case PER_ACTION -> "only scoring; V sequences per state";
      case PER_WINDOW -> "only scoring; V passes of a window for its T states";
      default -> name.endsWith(ONE_SHARD_A_CORE) ? "two shards per round, one for each core" : "";
    };
  }

  private static Section stages(Map<String, List<Measurement>> laps) {
    List<String> jobs =
        laps.keySet().stream().filter(name -> name.startsWith("whole job")).toList();
    List<String> columns = new ArrayList<>(List.of("per step of the whole job"));
    jobs.forEach(job -> columns.add(job.replace("whole job, ", "")));
    Section table = new Section("Stages", columns, new ArrayList<>(), new ArrayList<>());
    Set<String> stages = new LinkedHashSet<>();
    jobs.forEach(job -> stages.addAll(laps.get(job).get(0).stageSeconds().keySet()));
    row(table, jobs, laps, "wall ms", lap -> 1e3 * lap.seconds() / lap.times());
    for (String stage : stages) {
      row(
          table,
          jobs,
          laps,
          stage + " ms",
          lap -> 1e3 * lap.stageSeconds().get(stage) / lap.times());
    }
    row(
        table,
        jobs,
        laps,
        "learner busy, share of wall",
        lap -> lap.stageSeconds().get("learn") / lap.seconds());
    row(table, jobs, laps, "transfer + broadcast, share of wall", StepSection::overhead);
    row(table, jobs, laps, "bytes moved", lap -> lap.bytesPerStep());
    table
        .notes()
        .add(
            "rollout, reward and table are the tasks' own times divided by the number of slots in"
                + " use; transfer is the rest of the rollout jobs: scheduling, serialization,"
                + " network");
    table.notes().add("bytes: the weights of each broadcast, and the results of all tasks");
    return table;
  }

  private static void row(
      Section table,
      List<String> jobs,
      Map<String, List<Measurement>> laps,
      String name,
      ToDoubleFunction<Measurement> figure) {
    List<Object> cells = new ArrayList<>(List.of(name));
    jobs.forEach(job -> cells.add(Spread.of(laps.get(job), figure)));
    table.rows().add(cells);
  }

  private static double overhead(Measurement lap) {
    return (lap.stageSeconds().get("transfer") + lap.stageSeconds().get("broadcast"))
        / lap.seconds();
  }

  private Section ratios(Map<String, List<Measurement>> laps, Map<String, String> missing) {
    Section table = new Section("Ratios within a round", "ratio", "value", "target", "remark");
    for (String loop : List.of(LOOP, OWN_LOOP)) {
      for (Variant variant : variants()) {
        table.add(
            "time per token: whole job, " + variant.name() + " / " + loop,
            rate(laps, loop).over(rate(laps, "whole job, " + variant.name())),
            loop.equals(OWN_LOOP) ? variant.target() : "",
            "");
      }
    }
    for (String torch : List.of(EAGER, EAGER + ONE_THREAD, COMPILED)) {
      String ours = torch.endsWith(ONE_THREAD) ? LEARNER + ONE_THREAD : LEARNER;
      table.add(
          "time per token: " + ours + " / " + torch,
          laps.containsKey(torch) ? rate(laps, torch).over(rate(laps, ours)) : null,
          torch.equals(COMPILED) ? "≤ 0.95" : torch.equals(EAGER) ? "≤ 0.75" : "",
          missing.getOrDefault(torch, ""));
    }
    table.add(
        "transfer + broadcast / wall: " + JOB,
        Spread.of(laps.get(JOB), StepSection::overhead),
        "≤ 0.10",
        "Spark, serialization, broadcast");
    for (String scheme : List.of(PER_ACTION, PER_WINDOW)) {
      table.add(
          "groups/s: " + JOB + " / " + scheme,
          rate(laps, JOB).over(withUpdate(laps.get(scheme), laps.get(LEARNER))),
          scheme.equals(PER_ACTION) ? "≥ 50" : "",
          "its scoring, with the bare learner's update");
    }
    table
        .notes()
        .add(
            "targets are for 2 cores and the default preset; medians of the rounds' ratios, (min –"
                + " max)");
    if (bench.quick()) {
      table
          .notes()
          .add("--quick: the jobs ran without evaluations, checkpoints and rollout tables");
    }
    return table;
  }

  private static Spread rate(Map<String, List<Measurement>> laps, String name) {
    return Spread.of(laps.get(name), Measurement::rate);
  }

  /** Groups per second if each group is first scored this way and then used for an update. */
  static Spread withUpdate(List<Measurement> scoring, List<Measurement> learning) {
    List<Double> rates = new ArrayList<>();
    for (int i = 0; i < scoring.size(); i++) {
      rates.add(1 / (1 / scoring.get(i).rate() + 1 / learning.get(i).rate()));
    }
    return Spread.of(rates);
  }
}
