package io.avatarl.jobs.maintenance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.bench.Bench;
import io.avatarl.bench.Benchmark;
import io.avatarl.bench.Comparison;
import io.avatarl.bench.InterleavedRunner;
import io.avatarl.bench.ProcessBenchmark;
import io.avatarl.bench.Python;
import io.avatarl.bench.Results;
import io.avatarl.bench.TrainingBenchmark;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.files.Storage;
import io.avatarl.jobs.Home;
import io.avatarl.jobs.Job;
import io.avatarl.jobs.PolicyTrainer;
import io.avatarl.jobs.Presets;
import io.avatarl.jobs.Warnings;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.spark.corpus.CorpusProgress;
import io.avatarl.train.Baselines;
import io.avatarl.train.Trainer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures; see {@code jobs/bench.sh --help}. */
@Command(
    name = "jobs/bench.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Compares the whole job with the bare learner, a plain cross-entropy loop, the same model"
          + " in PyTorch and"
          + " avatarl's one forward per action; prints tables and saves them as bench.json.",
      "Everything that is compared is started first and then takes turns, because a machine's"
          + " speed drifts: a figure is the median of the rounds (min – max), a ratio is taken"
          + " within a round.",
      "The whole jobs run in processes of their own, with masters of their own, on this machine."
    })
public final class BenchJob implements Callable<Integer> {
  private static final int INSTALL_SECONDS = 1200;
  private static final String PYTHON_PACKAGES = "torch==2.7.1 numpy==2.4.6 tokenizers==0.21.4";

  enum Section {
    STEP,
    FLOOR,
    SCALING,
    VOCABULARY,
    MEMORY,
    GENERATION,
    TEXT,
    CORPUS,
    FRAMES,
    GPU
  }

  private final PrintStream out;
  private final PrintStream err;
  private final Warnings warnings;

  @Option(
      names = "--quick",
      description =
          "two minutes: sections step and floor with short laps, and without two of the masters,"
              + " torch.compile,"
              + " evaluations, checkpoints and rollout tables")
  private boolean quick;

  @Option(
      names = "--only",
      paramLabel = "SECTION",
      split = ",",
      description =
          "step (speeds, stages, ratios), floor (what the arithmetic needs), scaling (cost of a"
              + " group by shape), vocabulary (of sampled ones by vocabulary), memory (of a run, by"
              + " arithmetic), generation (sampled continuations, updates on them), text (n-grams,"
              + " BPE, tokenizing), corpus (tokenizing next to Hugging Face, training from --tokens),"
              + " frames (a step of the loop in DataFrames),"
              + " gpu (the shape on a GPU, next to PyTorch); may be repeated (default: all but gpu)")
  private List<Section> only = List.of();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "runs of each benchmark (default: 5; --quick: 3)")
  private Integer rounds;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      description = "shortest time of one run (default: 5; --quick: 1)")
  private Double seconds;

  @Option(
      names = "--preset",
      paramLabel = "NAME|FILE",
      description = "the preset to measure (default: ${DEFAULT-VALUE})")
  private String preset = Presets.EXHAUSTIVE;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "overrides one key of the preset; may be repeated")
  private List<String> overrides = List.of();

  @Option(names = "--corpus", paramLabel = "FILE|URI", description = "as for jobs/train.sh")
  private String corpusPath;

  @Option(
      names = "--tokens",
      paramLabel = "DIR|URI",
      description =
          "a folder of jobs/tokenize.sh: section corpus trains from it, next to --corpus in memory;"
              + " may be repeated")
  private List<String> tokens = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "folder for bench.json and the measured processes' logs (default: runs/bench)")
  private Path output;

  @Option(
      names = "--against",
      paramLabel = "FILE",
      description =
          "an earlier bench.json: also prints what became slower by more than the spread"
              + " (docs/bench has those of releases)")
  private Path against;

  @Option(
      names = "--python",
      paramLabel = "FILE",
      description =
          "a Python with PyTorch (default: the first with it among $AVATARL_PYTHON,"
              + " target/bench-python, .venv, python3)")
  private String python;

  @Option(
      names = "--install-python",
      description = "first install PyTorch with pip, in target/bench-python (downloads about 3 GB)")
  private boolean install;

  @Option(names = "--training", hidden = true, description = "is the whole job of another bench")
  private boolean training;

  @Option(
      names = "--frames",
      hidden = true,
      description = "is the loop in DataFrames of another bench, with this reward")
  private String frames;

  BenchJob(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
    this.warnings = new Warnings(err);
  }

  public static void main(String[] args) {
    Job.main(new BenchJob(System.out, System.err), args);
  }

  @Override
  public Integer call() throws IOException {
    if (rounds != null && rounds < 1 || seconds != null && !(seconds > 0)) {
      throw new UserError("--rounds and --seconds must be above 0");
    }
    Optional<JsonNode> earlier = Optional.ofNullable(against).map(BenchJob::read);
    Storage storage = Job.storage();
    if (training || frames != null) {
      serve(storage);
      return 0;
    }
    Path folder =
        Files.createDirectories(output != null ? output : Path.of(Home.path(), "runs", "bench"));
    TrainingConfig config = config(storage, List.of());
    Corpus corpus = corpus(storage, config);
    Path environment = Path.of(Home.path(), "target", "bench-python");
    if (install) {
      install(environment);
    }
    String[] pythons = {
      python,
      System.getenv("AVATARL_PYTHON"),
      environment.resolve("bin/python").toString(),
      Path.of(Home.path(), ".venv/bin/python").toString(),
      "python3"
    };
    Bench bench =
        new Bench(
            more -> config(storage, more),
            corpus,
            new BenchScripts(preset, Optional.ofNullable(corpusPath), overrides),
            Python.find(pythons),
            Python.findTokenizers(pythons),
            tokens,
            folder,
            new InterleavedRunner(
                rounds != null ? rounds : quick ? 3 : 5,
                seconds != null ? seconds : quick ? 1 : 5,
                seconds != null ? seconds : quick ? 3 : 8),
            quick,
            line -> err.println(line));
    Results results = new Results(machine(config, corpus));
    for (Section section : sections()) {
      List<Results.Section> tables =
          switch (section) {
            case STEP -> bench.step();
            case FLOOR -> List.of(bench.floor());
            case SCALING -> List.of(bench.scaling());
            case VOCABULARY -> List.of(bench.byVocabulary());
            case MEMORY -> List.of(bench.memory());
            case GENERATION -> bench.generation();
            case TEXT -> List.of(bench.text());
            case CORPUS -> bench.corpora();
            case FRAMES -> List.of(bench.frames());
            case GPU -> bench.gpu();
          };
      for (Results.Section table : tables) {
        results.add(table);
        out.println();
        Results.lines(table).forEach(out::println);
      }
    }
    Path file = folder.resolve("bench.json");
    Files.writeString(file, results.toJson());
    if (earlier.isPresent()) {
      out.println();
      Results.lines(Comparison.slower(earlier.get(), read(file))).forEach(out::println);
    }
    out.println();
    out.println("saved " + file);
    return 0;
  }

  private static JsonNode read(Path file) {
    try {
      JsonNode bench = new ObjectMapper().readTree(Files.readAllBytes(file));
      if (bench.path("tables").isArray()) {
        return bench;
      }
    } catch (IOException e) {
      throw new UserError("--against " + file + ": cannot be read as a bench.json; name one", e);
    }
    throw new UserError("--against " + file + ": has no tables; name a bench.json");
  }

  private List<Section> sections() {
    if (!only.isEmpty()) {
      return only;
    }
    return quick
        ? List.of(Section.STEP, Section.FLOOR)
        : Stream.of(Section.values()).filter(section -> section != Section.GPU).toList();
  }

  private TrainingConfig config(Storage storage, List<String> more) {
    Presets.Preset chosen = Presets.load(preset, storage);
    List<String> all = new ArrayList<>();
    if (corpusPath != null) {
      all.add("corpus.path=" + corpusPath); // The whole job of another bench overrides it.
    }
    all.addAll(overrides);
    all.addAll(more);
    return chosen.read(storage, all, warnings);
  }

  private static Corpus corpus(Storage storage, TrainingConfig config) {
    CorpusSource.Found found =
        new CorpusSource(storage, Home.path(), System.getenv())
            .find(
                Optional.of(config.corpus().path()).filter(path -> !path.isEmpty()),
                Optional.of(config.corpus().sha256()).filter(sum -> !sum.isEmpty()));
    Corpus corpus = Corpus.of(found.name(), found.bytes(), config.corpus());
    corpus.requireWindows(config.model().context());
    return corpus;
  }

  private Map<String, Object> machine(TrainingConfig config, Corpus corpus) {
    Map<String, Object> machine = new LinkedHashMap<>();
    machine.put("cores", Runtime.getRuntime().availableProcessors());
    machine.put("processor", processor());
    machine.put("java", System.getProperty("java.version"));
    machine.put("preset", config.preset());
    machine.put("overrides", overrides);
    machine.put("corpus", corpus.name());
    machine.put("vocabulary", corpus.tokenizer().vocabularySize());
    machine.forEach((name, value) -> out.printf("%-11s %s%n", name, value));
    return machine;
  }

  private static String processor() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.replaceAll(".*:\\s*", ""))
          .findFirst()
          .orElse("");
    } catch (IOException e) {
      return ""; // Not Linux.
    }
  }

  private void install(Path environment) {
    err.println("installing PyTorch in " + environment + " ...");
    String command =
        "python3 -m venv %1$s && %1$s/bin/pip install -q %2$s"
            .formatted("'" + environment + "'", PYTHON_PACKAGES);
    if (!Python.runs(List.of("bash", "-c", command), INSTALL_SECONDS)) {
      throw new UserError(
          "--install-python: pip could not install "
              + PYTHON_PACKAGES
              + "; install them yourself and name that Python with --python");
    }
  }

  /** Serves as the training run of another bench, which sends requests on standard input. */
  private void serve(Storage storage) throws IOException {
    TrainingConfig config = config(storage, List.of("steps=1000000000"));
    Path run = Files.createTempDirectory("avatarl-bench");
    try (Job.Session session = Job.Session.open("avatarl bench");
        Benchmark part =
            training
                ? training(storage, session, config, run.resolve("run"))
                : DataFrameLoop.benchmark(
                    session.spark(),
                    config,
                    corpus(storage, config),
                    PolicyTrainer.initial(session.spark(), settings()),
                    frames)) {
      ProcessBenchmark.serve(
          part, new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)), out);
    } finally {
      Job.storage().delete(run.toUri().toString());
    }
  }

  /** The preset and its overrides, as the keys of a map. */
  private Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("preset", preset);
    if (corpusPath != null) {
      settings.put("corpus", corpusPath);
    }
    for (String override : overrides) {
      int equals = override.indexOf('=');
      settings.put(override.substring(0, equals), override.substring(equals + 1));
    }
    return settings;
  }

  /** A training run as a benchmark. */
  static Benchmark training(Storage storage, Job.Session session, TrainingConfig config, Path run) {
    return new TrainingBenchmark(
        session.spark(),
        config.groupsPerStep(),
        Math.max(1, config.evaluation().every()),
        listener ->
            new Trainer(
                storage,
                config,
                new CorpusLoader(
                    storage,
                    new CorpusSource(storage, Home.path(), System.getenv()),
                    session::spark,
                    CorpusProgress.NONE),
                run.toString(),
                false,
                listener,
                Baselines.NONE));
  }
}
