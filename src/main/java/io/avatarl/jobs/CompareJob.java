package io.avatarl.jobs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
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
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
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
      "Trains each preset on the same corpus with the same seed and number of scored groups, and prints and saves one"
          + " table (compare.json, compare.md) and a page (report.html). A preset may carry overrides after commas:"
          + " maxrl-sampled,rollout.samples=64. With steps=N among them it scores as many groups as that gives.",
      "The name baseline-ce stands for plain cross-entropy training of the preset maxrl's model on the same windows: a"
          + " yardstick, not reinforcement learning.",
      "The name of a folder of presets, avatarl, stands for all of them. A preset that asks a referee and names none takes"
          + " the comparison's run of maxrl, where that comes before it.",
      "A comparison that was interrupted goes on where it stopped when it is started again with the same --out."
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
          "states scored by each (default: those of the preset maxrl; 0: each as its preset says)")
  private Long groups;

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

  /**
   * One line of the table.
   *
   * @param lowestValCe of the evaluations during training, which take a part of the split; NaN:
   *     there were none
   * @param lowestUpdate when that was
   * @param updates done; where the run diverged, those before it did, and the final figures are NaN
   */
  record Row(
      String name,
      double valCe,
      double lowestValCe,
      long lowestUpdate,
      double valBitsPerCharacter,
      double valPerplexity,
      double valAccuracy,
      double valCalibrationError,
      double entropy,
      double reward,
      long updates,
      long groups,
      double groupsPerSecond,
      double seconds,
      String weightsSha256) {
    static Row diverged(String name, long updates) {
      double none = Double.NaN;
      return new Row(
          name, none, none, 0, none, none, none, none, none, none, updates, 0, none, none, "");
    }
  }

  @Override
  public Integer call() throws IOException {
    Storage storage = Job.storage();
    presets = presets.stream().flatMap(name -> Presets.inFolder(name).stream()).toList();
    List<TrainingConfig> configs = new ArrayList<>();
    for (String preset : presets) {
      configs.add(config(preset, storage));
    }
    TrainingConfig first = configs.get(0);
    List<Row> rows = new ArrayList<>();
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
      for (int i = 0; i < presets.size(); i++) {
        String run = folder(presets.get(i));
        folders.add(run);
        TrainingConfig config = configs.get(i);
        err.printf("%n[%d/%d] %s%n", i + 1, presets.size(), presets.get(i));
        rows.add(
            presets.get(i).startsWith(YARDSTICK)
                ? yardstick(presets.get(i), run, storage, session, config, corpus)
                : trained(presets.get(i), run, storage, session, config, corpora));
      }
      baselines =
          NgramBaselines.of(corpus, NgramCounter.count(session.spark(), corpus, first.corpus()));
    }
    String table = table(rows, baselines);
    out.println(table);
    storage.writeString(Storage.resolve(output, "compare.md"), table);
    storage.writeString(
        Storage.resolve(output, "compare.json"),
        JSON.writerWithDefaultPrettyPrinter().writeValueAsString(rows) + "\n");
    String saved = "compare.md and compare.json";
    // A yardstick alone has nothing that a page shows.
    if (folders.stream().anyMatch(folder -> Runs.exists(storage, folder))) {
      ReportPage.write(storage, folders, Storage.resolve(output, RunFiles.REPORT));
      saved = "compare.md, compare.json and " + RunFiles.REPORT;
    }
    out.println("saved " + saved + " in " + output);
    return 0;
  }

  private static final ObjectMapper JSON =
      new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  private TrainingConfig config(String preset, Storage storage) {
    String[] parts = preset.split(",");
    boolean yardstick = parts[0].equals(YARDSTICK);
    Presets.Preset chosen = Presets.load(yardstick ? Presets.DEFAULT : parts[0], storage);
    if (presets.subList(0, presets.indexOf(preset)).contains(Presets.DEFAULT)) {
      chosen = chosen.withReferee(folder(Presets.DEFAULT));
    }
    List<String> all = new ArrayList<>(List.of(parts).subList(1, parts.length));
    all.addAll(overrides);
    if (corpusPath != null) {
      all.add("corpus.path=" + corpusPath);
    }
    TrainingConfig config = chosen.read(all, warnings);
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
    return chosen.read(all, warnings);
  }

  private String folder(String preset) {
    return Storage.resolve(output, preset.replaceAll("[^A-Za-z0-9.,=_-]", "-"));
  }

  private static long maxrlGroups(Storage storage) {
    Presets.Preset maxrl = Presets.load(Presets.DEFAULT, storage);
    TrainingConfig config = maxrl.read(List.of(), warning -> {});
    return config.groupsPerStep() * config.steps();
  }

  private Row trained(
      String name,
      String run,
      Storage storage,
      Job.LazySession session,
      TrainingConfig config,
      CorpusProvider corpora) {
    Summary s;
    try {
      Optional<Summary> done = Runs.summary(storage, run);
      s = done.isPresent() ? done.get() : train(run, storage, session, config, corpora);
    } catch (DivergedException e) {
      // A result like any other: the others are still worth comparing.
      err.println(e.getMessage());
      return Row.diverged(name, e.update() - 1);
    }
    JsonNode evaluations = RunRecord.read(storage, run).path("evaluations");
    double lowest = Double.NaN;
    long at = 0;
    for (int i = 0; i < evaluations.path("val_ce").size(); i++) {
      double ce = evaluations.path("val_ce").get(i).asDouble();
      if (!(ce >= lowest)) {
        lowest = ce;
        at = evaluations.path("update").get(i).asLong();
      }
    }
    return new Row(
        name,
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

  /** Trains, or goes on where an interrupted comparison stopped. */
  private Summary train(
      String run,
      Storage storage,
      Job.LazySession session,
      TrainingConfig config,
      CorpusProvider corpora) {
    return new Trainer(
            storage,
            config,
            corpora,
            run,
            Runs.exists(storage, run),
            new TrainingConsole(err, err, Home.terminalColumns()),
            NgramBaselines::of)
        .run(session.spark())
        .orElseThrow(() -> new UserError("stopped; start again with the same --out"));
  }

  private Row yardstick(
      String name,
      String run,
      Storage storage,
      Job.LazySession session,
      TrainingConfig config,
      Corpus corpus)
      throws IOException {
    String file = Storage.resolve(run, YARDSTICK_FILE);
    if (storage.exists(file)) {
      return JSON.readValue(storage.readBytes(file), Row.class);
    }
    CrossEntropyTraining.Result trained = CrossEntropyTraining.train(config, corpus);
    Scores scores =
        FinalEvaluation.of(session.spark(), config, corpus, trained.parameters()).consecutive();
    long states = config.groupsPerStep() * config.steps();
    Row row =
        new Row(
            name,
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
    storage.writeString(file, JSON.writeValueAsString(row));
    return row;
  }

  private static String table(List<Row> rows, Map<String, BaselineScores> baselines) {
    StringBuilder table =
        new StringBuilder(
            "| preset | val_ce | lowest, at update | bits/character | perplexity | accuracy | calibration error | entropy | reward | updates | groups | groups/s | seconds |\n"
                + "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (Row r : rows) {
      if (Double.isNaN(r.valCe())) {
        table.append(
            String.format(
                Locale.ROOT,
                "| %s | diverged | | | | | | | | %d | | | |%n",
                r.name(),
                r.updates()));
        continue;
      }
      table.append(
          String.format(
              Locale.ROOT,
              "| %s | %.4f | %s | %.3f | %.2f | %.1f %% | %.3f | %s | %s | %d | %d | %.0f | %.0f |%n",
              r.name(),
              r.valCe(),
              Double.isNaN(r.lowestValCe())
                  ? ""
                  : String.format(Locale.ROOT, "%.3f, %d", r.lowestValCe(), r.lowestUpdate()),
              r.valBitsPerCharacter(),
              r.valPerplexity(),
              100 * r.valAccuracy(),
              r.valCalibrationError(),
              number(r.entropy()),
              number(r.reward()),
              r.updates(),
              r.groups(),
              r.groupsPerSecond(),
              r.seconds()));
    }
    baselines.forEach(
        (name, b) ->
            table.append(
                String.format(
                    Locale.ROOT,
                    "| %s table | %.4f | | %.3f | %.2f | %.1f %% | | | | | | | |%n",
                    name,
                    b.ce(),
                    b.bitsPerCharacter(),
                    Math.exp(b.ce()),
                    100 * b.accuracy())));
    return table.toString();
  }

  private static String number(double x) {
    return Double.isNaN(x) ? "" : String.format(Locale.ROOT, "%.3f", x);
  }
}
