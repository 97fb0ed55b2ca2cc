package io.avatarl.jobs;

import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.files.Storage;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.train.Runs;
import io.avatarl.train.TrainingListener;
import java.io.PrintStream;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.util.ShutdownHookManager;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Trains a model; see {@code jobs/train.sh --help}. */
@Command(
    name = "jobs/train.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Trains a language model from random weights by reinforcement learning on Spark. Without"
            + " options: the preset "
            + Presets.DEFAULT
            + " on tinyshakespeare, on this machine.",
    footer = {
      "",
      "Options of spark-submit (--master, --conf, --driver-memory, ...) are passed on.",
      "Ctrl-C writes a checkpoint after the current step; --resume continues from it with the"
          + " same result.",
      "",
      "  jobs/train.sh --preset smoke --set steps=50 --set model.width=64",
      "  jobs/train.sh --corpus poems.txt --out runs/poems",
      "  jobs/train.sh --resume --out runs/poems",
      "",
      "Exit codes: 0 done, 2 the input was wrong (one line says what), 1 anything else."
    })
public final class TrainJob implements Callable<Integer> {
  /**
   * Above Spark's own hooks (50 and less), so that the checkpoint is written while Spark still
   * runs.
   */
  private static final int HOOK_PRIORITY = 1000;

  /** How long a stopped job waits for the end of its step. */
  private static final int STOP_SECONDS = 110;

  /** Longer, since Hadoop prints a trace when a hook takes too long. */
  private static final int HOOK_SECONDS = 130;

  private final PrintStream out;
  private final PrintStream err;
  private TrainingListener watcher = TrainingListener.NONE;

  @Option(
      names = "--preset",
      paramLabel = "NAME|FILE",
      completionCandidates = Presets.Names.class,
      description =
          "one of ${COMPLETION-CANDIDATES}, or a file that ends in .conf, for example"
              + " RUN/config.conf of an"
              + " earlier run (default: "
              + Presets.DEFAULT
              + "; with --resume: the settings of the run)")
  private String preset;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description =
          "overrides one key of the preset; may be repeated."
              + " src/main/resources/io/avatarl/config/reference.conf"
              + " has every key with its meaning and default")
  private List<String> overrides = List.of();

  @Option(
      names = "--corpus",
      paramLabel = "FILE|URI",
      description =
          "a text, a folder, a glob or a comma-separated list of these, at any Hadoop path; JSON"
              + " lines, CSV,"
              + " Parquet, ORC or Delta with --set corpus.column=NAME; a folder of tokens"
              + " (jobs/tokenize.sh);"
              + " or the word generated for a generated play"
              + " (default: $AVATARL_CORPUS, data/tinyshakespeare/input.txt, a download)")
  private String corpus;

  @Option(
      names = "--rollouts",
      paramLabel = "TABLE",
      description =
          "learn from these rollouts with a column reward (jobs/generate.sh draws them) instead"
              + " of exploring; start from the run that drew them: --set init.run=RUN")
  private String rollouts;

  @Option(
      names = "--out",
      paramLabel = "DIR|URI",
      description = "the run's folder, any Hadoop path (default: runs/PRESET-DATE-TIME)")
  private String output;

  @Option(
      names = "--resume",
      description = "continue from the newest checkpoint in --out, with the run's own settings")
  private boolean resume;

  @Option(
      names = "--resume-or-start",
      description =
          "like --resume if --out holds a run, else start a new run there; for jobs that a"
              + " cluster restarts")
  private boolean resumeOrStart;

  TrainJob(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  /** The command on the process's own streams, with a listener to its run. */
  public static TrainJob watchedBy(TrainingListener watcher) {
    TrainJob job = new TrainJob(System.out, System.err);
    job.watcher = watcher;
    return job;
  }

  public static void main(String[] args) {
    Job.main(new TrainJob(System.out, System.err), args);
  }

  @Override
  public Integer call() {
    if ((resume || resumeOrStart) && output == null) {
      throw new UserError(
          (resume ? "--resume" : "--resume-or-start") + ": name the run's folder with --out");
    }
    Storage storage = Job.storage();
    if (resumeOrStart) {
      resume = Runs.exists(storage, output);
    }
    if (rollouts != null) {
      overrides = new ArrayList<>(overrides);
      // Makes a path absolute; a table's name stays.
      overrides.add(
          "rollout.stored=" + (storage.exists(rollouts) ? storage.qualified(rollouts) : rollouts));
      if (preset == null && !resume) {
        preset = Presets.EXHAUSTIVE; // says nothing about draws: these rollouts are drawn
      }
    }
    TrainingConsole console = new TrainingConsole(out, err, Home.terminalColumns());
    TrainingConfig config =
        TrainingRun.config(
            storage, text(preset), overrides, text(corpus), output, resume, console::warned);
    String run = output != null ? output : defaultOutput(config);
    try (Job.LazySession session = new Job.LazySession("avatarl " + config.preset());
        CorpusConsole progress = new CorpusConsole(err, Home.terminalColumns())) {
      CorpusLoader corpora =
          new CorpusLoader(
              storage,
              new CorpusSource(storage, Home.path(), System.getenv()),
              session::spark,
              progress);
      // Checks the input before Spark starts, which takes seconds, unless Spark must read the
      // corpus.
      try (TrainingRun call =
          new TrainingRun(storage, config, corpora, run, resume, console, watcher)) {
        progress.close();
        train(call, session);
      }
    }
    return 0;
  }

  private static void train(TrainingRun call, Job.LazySession session) {
    Runnable stop = () -> stop(call, session);
    try {
      SparkSession spark = session.spark();
      ShutdownHookManager.get()
          .addShutdownHook(stop, HOOK_PRIORITY, HOOK_SECONDS, TimeUnit.SECONDS);
      call.run(spark);
    } finally {
      if (!ShutdownHookManager.get().isShutdownInProgress()) {
        ShutdownHookManager.get().removeShutdownHook(stop);
      }
      // Before the run is closed, which prints and sends what is left.
      session.close();
    }
  }

  private static String text(String option) {
    return option == null ? "" : option;
  }

  private static String defaultOutput(TrainingConfig config) {
    String now = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").format(LocalDateTime.now());
    return Storage.resolve(Home.path(), "runs/" + config.preset() + "-" + now);
  }

  private static void stop(TrainingRun call, Job.LazySession session) {
    call.stop();
    session.ending();
    try {
      call.awaitSaved(STOP_SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    call.close();
  }
}
