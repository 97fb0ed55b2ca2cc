package io.avatarl.jobs;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusProvider;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.evaluation.BaselineScores;
import io.avatarl.evaluation.Scores;
import io.avatarl.files.Storage;
import io.avatarl.learner.DivergedException;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.spark.ngram.NgramCounter;
import io.avatarl.train.FinalEvaluation;
import io.avatarl.train.RunFiles;
import io.avatarl.train.Runs;
import io.avatarl.train.Summary;
import io.avatarl.train.Trainer;
import io.avatarl.yardstick.CrossEntropyTraining;
import io.avatarl.yardstick.NgramBaselines;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Trains presets side by side; see {@code jobs/compare.sh --help}. */
@Command(
    name = "jobs/compare.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Trains each preset on the same corpus with the same seed and number of scored groups, and"
          + " prints and saves one"
          + " table (compare.json, compare.md) and a page (report.html). A preset may carry"
          + " overrides after commas:"
          + " maxrl-sampled,rollout.samples=64. With steps=N, the number of scored groups follows"
          + " from N.",
      "The name baseline-ce stands for plain cross-entropy training of the default preset's model,"
          + " with its optimizer and on the same windows: a yardstick, not reinforcement learning.",
      "The name of a folder of presets, avatarl, stands for all of them. A preset that needs a"
          + " referee and names none uses the comparison's run of maxrl, if that comes before it.",
      "To continue an interrupted comparison, start it again with the same --out."
    })
public final class CompareJob implements Callable<Integer> {
  static final String YARDSTICK = "baseline-ce";
  static final String YARDSTICK_FILE = "baseline.json";

  private final PrintStream out;
  private final PrintStream err;
  private final Warnings warnings;

  @Parameters(
      paramLabel = "PRESET[,KEY=VALUE]...",
      arity = "1..*",
      description = "presets or files, and baseline-ce")
  private List<String> presets;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "overrides one key in all of them; may be repeated")
  private List<String> overrides = List.of();

  @Option(
      names = "--groups",
      paramLabel = "N",
      description =
          "states that each scores (default: as many as the preset maxrl; 0: as each preset says)")
  private Long groups;

  @Option(
      names = "--seeds",
      paramLabel = "N",
      split = ",",
      description =
          "trains each preset with each of these seeds (1,2,3); the table has their mean and"
              + " standard deviation (n - 1)")
  private List<Long> seeds = List.of();

  @Option(names = "--corpus", paramLabel = "FILE|URI", description = "as for jobs/train.sh")
  private String corpusPath;

  @Option(
      names = "--out",
      paramLabel = "DIR|URI",
      defaultValue = "runs/compare",
      description = "folder of the runs and the table (default: ${DEFAULT-VALUE})")
  private String output;

  CompareJob(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
    this.warnings = new Warnings(err);
  }

  public static void main(String[] args) {
    Job.main(new CompareJob(System.out, System.err), args);
  }

  /** A planned run. */
  private record Trial(String name, String folder, TrainingConfig config) {}

  @Override
  public Integer call() throws IOException {
    Storage storage = Job.storage();
    presets = presets.stream().flatMap(name -> Presets.inFolder(name).stream()).toList();
    List<List<Trial>> trials = trials(storage);
    TrainingConfig first = trials.get(0).get(0).config();
    List<Comparison.Row> rows = new ArrayList<>();
    List<String> folders = new ArrayList<>();
    Map<String, BaselineScores> baselines;
    try (Job.LazySession session = new Job.LazySession("avatarl compare");
        CorpusConsole console = new CorpusConsole(err, Home.terminalColumns())) {
      CorpusProvider corpora =
          new CorpusLoader(
              storage,
              new CorpusSource(storage, Home.path(), System.getenv()),
              session::spark,
              console);
      Corpus corpus = corpora.load(first.corpus(), first.evaluation().maxTokens(), output).corpus();
      storage.requireWritableDirectory(output);
      for (List<Trial> ofRow : trials) {
        List<Comparison.Result> results = new ArrayList<>();
        for (Trial trial : ofRow) {
          folders.add(trial.folder());
          err.printf(
              "%n[%d/%d] %s%n",
              folders.size(),
              trials.size() * ofRow.size(),
              trial.name() + (seeds.isEmpty() ? "" : ", seed " + trial.config().seed()));
          results.add(
              trial.name().startsWith(YARDSTICK)
                  ? yardstick(trial, storage, session, corpus)
                  : trained(trial, storage, session, corpora));
        }
        rows.add(new Comparison.Row(ofRow.get(0).name(), results));
      }
      baselines =
          NgramBaselines.of(corpus, NgramCounter.count(session.spark(), corpus, first.corpus()));
    }
    Comparison comparison = new Comparison(seeds, rows, baselines);
    String table = comparison.markdown();
    out.println(table);
    storage.writeString(Storage.resolve(output, "compare.md"), table);
    storage.writeString(
        Storage.resolve(output, "compare.json"), comparison.json().toPrettyString() + "\n");
    String saved = "compare.md and compare.json";
    // A yardstick alone has no page.
    if (folders.stream().anyMatch(folder -> Runs.exists(storage, folder))) {
      ReportPage.write(storage, folders, Storage.resolve(output, RunFiles.REPORT));
      saved = "compare.md, compare.json and " + RunFiles.REPORT;
    }
    out.println("saved " + saved + " in " + output);
    return 0;
  }

  /** The runs of each row; checks all of them before the first one starts. */
  private List<List<Trial>> trials(Storage storage) {
    if (Set.copyOf(seeds).size() < seeds.size()) {
      throw new UserError("--seeds " + seeds + ": each seed once");
    }
    List<List<Trial>> trials = new ArrayList<>();
    for (String preset : presets) {
      List<Trial> row = new ArrayList<>();
      if (seeds.isEmpty()) {
        row.add(new Trial(preset, folder(preset), config(preset, "", storage)));
      }
      for (long seed : seeds) {
        String override = ",seed=" + seed;
        row.add(new Trial(preset, folder(preset + override), config(preset, override, storage)));
      }
      trials.add(row);
    }
    return trials;
  }

  /**
   * A preset's configuration.
   *
   * @param seed {@code ,seed=N} or nothing
   */
  private TrainingConfig config(String preset, String seed, Storage storage) {
    String[] parts = preset.split(",");
    boolean yardstick = parts[0].equals(YARDSTICK);
    Presets.Preset chosen = Presets.load(yardstick ? Presets.DEFAULT : parts[0], storage);
    if (presets.subList(0, presets.indexOf(preset)).contains(Presets.EXHAUSTIVE)) {
      chosen = chosen.withReferee(folder(Presets.EXHAUSTIVE + seed));
    }
    List<String> all = new ArrayList<>(List.of(parts).subList(1, parts.length));
    all.addAll(overrides);
    if (!seed.isEmpty()) {
      if (all.stream().anyMatch(override -> override.startsWith("seed="))) {
        throw new UserError("--seeds: " + preset + " also sets a seed; leave one of them out");
      }
      all.add(seed.substring(1));
    }
    if (corpusPath != null) {
      all.add("corpus.path=" + corpusPath);
    }
    TrainingConfig config = chosen.read(storage, all, warnings);
    long budget = groups != null ? groups : maxrlGroups(storage);
    if (budget == 0 || all.stream().anyMatch(override -> override.startsWith("steps="))) {
      return config;
    }
    long steps = Math.round((double) budget / config.groupsPerStep());
    if (steps < 1) {
      throw new UserError(
          "--groups "
              + budget
              + ": "
              + preset
              + " scores "
              + config.groupsPerStep()
              + " in one step");
    }
    all.add("steps=" + steps);
    return chosen.read(storage, all, warnings);
  }

  private String folder(String preset) {
    return Storage.resolve(output, preset.replaceAll("[^A-Za-z0-9.,=_-]", "-"));
  }

  private static long maxrlGroups(Storage storage) {
    Presets.Preset maxrl = Presets.load(Presets.EXHAUSTIVE, storage);
    TrainingConfig config = maxrl.read(storage, List.of(), warning -> {});
    return config.groupsPerStep() * config.steps();
  }

  private Comparison.Result trained(
      Trial trial, Storage storage, Job.LazySession session, CorpusProvider corpora) {
    Summary s;
    try {
      Optional<Summary> done = Runs.summary(storage, trial.folder());
      s = done.isPresent() ? done.get() : train(trial, storage, session, corpora);
    } catch (DivergedException e) {
      // Diverging is a result, too: the other runs are still worth comparing.
      err.println(e.getMessage());
      return Comparison.Result.diverged(trial.name(), trial.config().seed(), e.update() - 1);
    }
    JsonNode evaluations = RunRecord.read(storage, trial.folder()).path("evaluations");
    double lowest = Double.NaN;
    long at = 0;
    for (int i = 0; i < evaluations.path("val_ce").size(); i++) {
      double ce = evaluations.path("val_ce").get(i).asDouble();
      if (!(ce >= lowest)) {
        lowest = ce;
        at = evaluations.path("update").get(i).asLong();
      }
    }
    return new Comparison.Result(
        trial.name(),
        trial.config().seed(),
        s.valCe(),
        lowest,
        at,
        s.valBitsPerCharacter(),
        s.valPerplexity(),
        s.valAccuracy(),
        s.valCalibrationError(),
        s.entropy(),
        s.reward(),
        s.updates(),
        s.groups(),
        s.groupsPerSecond(),
        s.trainSeconds(),
        s.weightsSha256());
  }

  /** Trains, or continues an interrupted comparison's run. */
  private Summary train(
      Trial trial, Storage storage, Job.LazySession session, CorpusProvider corpora) {
    return new Trainer(
            storage,
            trial.config(),
            corpora,
            trial.folder(),
            Runs.exists(storage, trial.folder()),
            new TrainingConsole(err, err, Home.terminalColumns()),
            NgramBaselines::of)
        .run(session.spark())
        .orElseThrow(() -> new UserError("stopped; start again with the same --out"));
  }

  private Comparison.Result yardstick(
      Trial trial, Storage storage, Job.LazySession session, Corpus corpus) throws IOException {
    TrainingConfig config = trial.config();
    String file = Storage.resolve(trial.folder(), YARDSTICK_FILE);
    if (storage.exists(file)) {
      return Comparison.JSON.readValue(storage.readBytes(file), Comparison.Result.class);
    }
    CrossEntropyTraining.Result trained = CrossEntropyTraining.train(config, corpus);
    Scores scores =
        FinalEvaluation.of(
                session.spark(),
                config,
                corpus,
                trained.parameters(),
                FinalEvaluation.Progress.NONE)
            .consecutive();
    long states = config.groupsPerStep() * config.steps();
    Comparison.Result result =
        new Comparison.Result(
            trial.name(),
            config.seed(),
            scores.crossEntropy(),
            Double.NaN,
            0,
            scores.bitsPerCharacter(),
            scores.perplexity(),
            scores.accuracy(),
            scores.calibrationError(),
            Double.NaN,
            Double.NaN,
            config.updates(),
            states,
            states / trained.seconds(),
            trained.seconds(),
            trained.parameters().sha256());
    storage.writeString(file, Comparison.JSON.writeValueAsString(result));
    return result;
  }
}
