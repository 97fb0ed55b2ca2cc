package io.avatarl.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.bench.Results.Section;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** The tables of {@code jobs/bench.sh}. */
public final class Bench {
  /** Starts what runs outside this JVM. */
  public interface Launch {
    /** A training run in a process of its own. */
    Benchmark training(String master, List<String> overrides, Path log) throws IOException;

    /** The timings of {@code jobs/ngrams.sh} on so many generated megabytes. */
    JsonNode ngrams(int megabytes, int merges, Path folder) throws IOException;
  }

  /**
   * A way to run the whole job.
   *
   * @param quick whether {@code --quick} has it, too
   */
  private record Variant(
      String name, String master, List<String> overrides, String target, boolean quick) {}

  private static final String ONE_SHARD_A_CORE = "executors learn";

  /** Each core differentiates one shard, as large as may be. */
  private static final List<String> ON_EXECUTORS =
      List.of("learner.placement=executors", "rollout.shards=2");

  private static final List<Variant> VARIANTS =
      List.of(
          new Variant("local[1]", "local[1]", List.of(), "", false),
          new Variant("local[2]", "local[2]", List.of(), "≤ 1.5", true),
          new Variant("local[2] " + ONE_SHARD_A_CORE, "local[2]", ON_EXECUTORS, "≤ 1.15", true),
          new Variant("local-cluster", "local-cluster[2,1,1024]", List.of(), "", true),
          new Variant(
              "local-cluster " + ONE_SHARD_A_CORE,
              "local-cluster[2,1,1024]",
              ON_EXECUTORS,
              "",
              false));

  /** The variant that stands for the whole job where one is compared with other things. */
  private static final String JOB = "whole job, local[2]";

  private static final String LEARNER = "bare learner";
  private static final String LOOP = "plain DJL loop";
  private static final String OWN_LOOP = "cross-entropy, own learner";
  private static final String EAGER = "PyTorch eager";
  private static final String COMPILED = "PyTorch torch.compile";
  private static final String ONE_THREAD = ", one thread";
  private static final String PER_ACTION = "one forward per action";
  private static final String PER_WINDOW = "one window per action";

  private static final int TOKENS_PER_MINIBATCH = 768;
  private static final int HEAD_WIDTH = 32;
  private static final int MERGES = 1024;

  private final Function<List<String>, TrainingConfig> configs;
  private final TrainingConfig config;
  private final Corpus corpus;
  private final Launch launch;
  private final Python python;
  private final Path folder;
  private final InterleavedRunner rounds;
  private final boolean quick;
  private final Consumer<String> progress;

  /**
   * @param configs the configuration that is measured, with overrides
   * @param folder for messages of the measured processes
   * @param quick leaves out what takes long to start and what happens only now and then
   */
  public Bench(
      Function<List<String>, TrainingConfig> configs,
      Corpus corpus,
      Launch launch,
      Python python,
      Path folder,
      InterleavedRunner rounds,
      boolean quick,
      Consumer<String> progress) {
    this.configs = configs;
    this.config = configs.apply(List.of());
    this.corpus = corpus;
    this.launch = launch;
    this.python = python;
    this.folder = folder;
    this.rounds = rounds;
    this.quick = quick;
    this.progress = progress;
  }

  private List<Variant> variants() {
    return VARIANTS.stream().filter(variant -> variant.quick() || !quick).toList();
  }

  private int vocabulary() {
    return corpus.tokenizer().vocabularySize();
  }

  private int threads() {
    return config.learner().slices() * config.nativeThreads();
  }

  /** Tokens per second of the job and of what it is compared with, the job's stages, the ratios. */
  public List<Section> step() throws IOException {
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    Map<String, String> missing = new LinkedHashMap<>();
    // At a rate that changes nothing: otherwise the same groups again and again are soon clipped,
    // and a gradient of zeros is not what is to be measured.
    parts.put(
        LEARNER,
        Benchmarks.learner(configs.apply(List.of("learner.optimizer.learningRate=1e-9")), corpus));
    // PyTorch's threads wait for each other by spinning, and where anything else runs they wait
    // long; one thread has nobody to wait for.
    parts.put(
        LEARNER + ONE_THREAD,
        Benchmarks.learner(
            configs.apply(List.of("learner.optimizer.learningRate=1e-9", "learner.slices=1")),
            corpus));
    List<String> always =
        quick
            ? List.of("evaluation.every=0", "checkpoint.every=0", "rolloutTable.every=0")
            : List.of();
    for (Variant variant : variants()) {
      List<String> overrides = new ArrayList<>(always);
      overrides.addAll(variant.overrides());
      String name = "whole job, " + variant.name();
      parts.put(
          name,
          launch.training(
              variant.master(), overrides, folder.resolve(name.replaceAll("\\W+", "-") + ".log")));
    }
    parts.put(LOOP, Benchmarks.plainDjl(config, corpus));
    parts.put(OWN_LOOP, Benchmarks.crossEntropy(config, corpus));
    Python torch = python.forModel(config.model());
    if (torch.path() == null) {
      missing.put(EAGER, torch.missing());
      missing.put(EAGER + ONE_THREAD, torch.missing());
    } else {
      parts.put(EAGER, torch(torch, threads(), List.of()));
      parts.put(EAGER + ONE_THREAD, torch(torch, 1, List.of()));
    }
    if (quick) {
      missing.put(COMPILED, "left out by --quick");
    } else if (torch.path() == null) {
      missing.put(COMPILED, torch.missing());
    } else {
      parts.put(COMPILED, torch(torch, threads(), List.of("--compile")));
    }
    parts.put(PER_ACTION, Benchmarks.oneForwardPerAction(config, corpus));
    parts.put(PER_WINDOW, Benchmarks.windowPerAction(config, corpus));
    Map<String, List<Measurement>> laps = rounds.run(parts, progress);
    Set<String> names = new LinkedHashSet<>(laps.keySet());
    names.addAll(missing.keySet());
    return List.of(rates(names, laps, missing), stages(laps), ratios(laps, missing));
  }

  private Benchmark torch(Python torch, int threads, List<String> more) throws IOException {
    return torch.part(
        folder,
        "train",
        config.model(),
        vocabulary(),
        config.rollout().windowsPerUpdate(),
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
            "peak memory is the sum of each process's own peak, heap and native; parts without a figure share"
                + " the bench's own process");
    return table;
  }

  private static String remark(String name) {
    return switch (name.replace(ONE_THREAD, "")) {
      case LEARNER -> "forward, backward, AdamW on fixed groups";
      case LOOP -> "cross-entropy with DJL's operations, gradient collector and AdamW; no Spark";
      case OWN_LOOP -> "cross-entropy with this project's model and learner; no Spark";
      case EAGER, COMPILED -> "forward, backward by cross-entropy, clipping, AdamW";
      case PER_ACTION -> "scoring alone; V contexts with an action per state";
      case PER_WINDOW -> "scoring alone; V passes of a window for its T states";
      default -> name.endsWith(ONE_SHARD_A_CORE) ? "two shards in a round, one for each core" : "";
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
    row(table, jobs, laps, "transfer + broadcast, share of wall", Bench::overhead);
    row(table, jobs, laps, "bytes moved", lap -> lap.bytesPerStep());
    table
        .notes()
        .add(
            "rollout, reward and table are the tasks' own times divided by the slots that ran them at once;"
                + " transfer is the rest of the rollout jobs: scheduling, serialization, network");
    table.notes().add("bytes: the weights of each broadcast, and what came back from all tasks");
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
            loop.equals(LOOP) ? variant.target() : "",
            "");
      }
    }
    for (String torch : List.of(EAGER, EAGER + ONE_THREAD, COMPILED)) {
      String ours = torch.endsWith(ONE_THREAD) ? LEARNER + ONE_THREAD : LEARNER;
      table.add(
          "time per token: " + ours + " / " + torch,
          laps.containsKey(torch) ? rate(laps, torch).over(rate(laps, ours)) : null,
          torch.equals(COMPILED) ? "" : "≤ 1.0",
          missing.getOrDefault(torch, ""));
    }
    table.add(
        "transfer + broadcast / wall: " + JOB,
        Spread.of(laps.get(JOB), Bench::overhead),
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
            "targets are for 2 cores and the default preset; medians of the rounds' ratios, (min – max)");
    if (quick) {
      table
          .notes()
          .add("--quick: the jobs ran without evaluations, checkpoints and rollout tables");
    }
    return table;
  }

  private static Spread rate(Map<String, List<Measurement>> laps, String name) {
    return Spread.of(laps.get(name), Measurement::rate);
  }

  /** Groups per second where each is first scored so and then learnt from. */
  static Spread withUpdate(List<Measurement> scoring, List<Measurement> learning) {
    List<Double> rates = new ArrayList<>();
    for (int i = 0; i < scoring.size(); i++) {
      rates.add(1 / (1 / scoring.get(i).rate() + 1 / learning.get(i).rate()));
    }
    return Spread.of(rates);
  }

  /** What the shape asks for, beside what this processor does at best. */
  public Section floor() {
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    parts.put("products", Benchmarks.matrixProducts(config));
    parts.put("copies", Benchmarks.memoryCopies(config));
    parts.put(
        "learner",
        Benchmarks.learner(configs.apply(List.of("learner.optimizer.learningRate=1e-9")), corpus));
    Map<String, List<Measurement>> laps = rounds.run(parts, progress);
    ModelCost cost = ModelCost.of(config.model(), vocabulary());
    Spread peak = Spread.of(laps.get("products"), Measurement::rate);
    Section table = new Section("Floor", "figure", "value", "unit");
    table.add("forward, per token", cost.forward() / 1e6, "MFLOP");
    table.add("forward and backward, per token", cost.update() / 1e6, "MFLOP");
    table.add("one group of a training step (rollout, update)", cost.group() / 1e6, "MFLOP");
    table.add("one step", cost.group() * config.groupsPerStep() / 1e9, "GFLOP");
    table.add(
        "matrix products 1024 × 1024, " + threads() + " threads",
        Spread.of(laps.get("products"), lap -> lap.rate() / 1e9),
        "GFLOP/s");
    table.add(
        "memory copies, " + threads() + " threads",
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

  /** How the cost of a group grows with context, width and vocabulary. */
  public Section scaling() {
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
    Map<String, List<Measurement>> laps = rounds.run(parts, progress);
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
            "FLOP: matrix products alone; what a group's V actions cost beside them (exponentials, rewards,"
                + " advantages, the loss) grows with V");
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
        configs.apply(
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

  /** Sampled continuations with a key-value cache, beside PyTorch's loop. */
  public Section generation() throws IOException {
    TrainingConfig one = configs.apply(List.of("nativeThreads=1"));
    int horizon = one.model().context() / 2;
    Map<String, Benchmark> parts = new LinkedHashMap<>();
    Python torch = python.forModel(one.model());
    List<Integer> batches = List.of(1, 32, 256);
    for (int batch : batches) {
      int samples = Math.min(8, batch);
      parts.put(
          "ours " + batch,
          Benchmarks.continuations(one, corpus, batch / samples, samples, horizon));
      if (torch.path() != null) {
        parts.put(
            "torch " + batch,
            torch.part(
                folder,
                "generate",
                one.model(),
                vocabulary(),
                batch,
                1,
                List.of("--samples=" + samples, "--horizon=" + horizon)));
      }
    }
    Map<String, List<Measurement>> laps = rounds.run(parts, progress);
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

  /** Reading, BPE, tokenizing and counting, at two sizes. */
  public Section text() throws IOException {
    Section table =
        new Section(
            "Text of generated plays, byte-level BPE with " + MERGES + " merges",
            "what",
            "MB",
            "seconds",
            "MB/s",
            "CPU MB/s");
    for (int megabytes : quick ? List.of(1, 10) : List.of(10, 100)) {
      progress.accept("jobs/ngrams.sh on " + megabytes + " MB");
      JsonNode timings = launch.ngrams(megabytes, MERGES, folder);
      timings.forEach(
          timing ->
              table.add(
                  timing.path("what").asText(),
                  timing.path("bytes").asDouble() / 1e6,
                  timing.path("seconds").asDouble(),
                  timing.path("bytes").asDouble() / 1e6 / timing.path("seconds").asDouble(),
                  timing.path("bytes").asDouble() / 1e6 / timing.path("cpu_seconds").asDouble()));
    }
    table
        .notes()
        .add("one run each; linear where MB/s at the larger size is no less than at the smaller");
    return table;
  }
}
