package io.avatarl.jobs;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.train.MlflowTracker;
import io.avatarl.train.RunFiles;
import io.avatarl.train.Runs;
import io.avatarl.train.Summary;
import io.avatarl.train.Training;
import io.avatarl.train.TrainingListener;
import java.io.PrintStream;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.util.ShutdownHookManager;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Trains a model; see {@code jobs/train.sh --help}. */
@Command(
    name = "jobs/train.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Trains a language model from random weights by reinforcement learning on Spark. Without options: the"
            + " preset maxrl on tinyshakespeare, on this machine.",
    footer = {
      "",
      "Options of spark-submit (--master, --conf, --driver-memory, ...) are passed on.",
      "Ctrl-C writes a checkpoint after the current step; --resume goes on as if nothing had happened.",
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

  private static final int STOP_SECONDS = 120;

  private final PrintStream out;
  private final PrintStream err;

  @Option(
      names = "--preset",
      paramLabel = "NAME|FILE",
      completionCandidates = Presets.Names.class,
      description =
          "one of ${COMPLETION-CANDIDATES}, or a file that ends in .conf, for example RUN/config.conf of an"
              + " earlier run (default: "
              + Presets.DEFAULT
              + "; with --resume: the settings of the run)")
  private String preset;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description =
          "overrides one key of the preset; may be repeated. src/main/resources/io/avatarl/config/reference.conf"
              + " has every key with its meaning and default")
  private List<String> overrides = List.of();

  @Option(
      names = "--corpus",
      paramLabel = "FILE|URI",
      description =
          "a UTF-8 text at any Hadoop path, or the word generated for a play by the project's own grammar"
              + " (default: $AVATARL_CORPUS, data/tinyshakespeare/input.txt, a download)")
  private String corpus;

  @Option(
      names = "--out",
      paramLabel = "DIR|URI",
      description = "the run's folder, any Hadoop path (default: runs/PRESET-DATE-TIME)")
  private String output;

  @Option(
      names = "--resume",
      description = "go on from the newest checkpoint in --out, with the run's own settings")
  private boolean resume;

  TrainJob(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  public static void main(String[] args) {
    Job.main(new TrainJob(System.out, System.err), args);
  }

  @Override
  public Integer call() {
    if (resume && output == null) {
      throw new UserError("--resume: name the run's folder with --out");
    }
    Storage storage = Job.storage();
    TrainingConfig config = config(storage);
    String run = output != null ? output : defaultOutput(config);
    TrainingConsole console = new TrainingConsole(out, err, Home.terminalColumns());
    Optional<MlflowTracker> tracker =
        MlflowTracker.of(config.tracking(), System.getenv(), storage, console::warned);
    // Refuses bad input before Spark starts, which takes seconds.
    Training training =
        new Training(
            storage,
            config,
            new CorpusSource(storage, Home.path(), System.getenv()),
            run,
            resume,
            tracker.isPresent() ? TrainingListener.both(console, tracker.get()) : console);
    Runnable stop =
        () -> {
          stop(training, console, run);
          tracker.ifPresent(MlflowTracker::close);
        };
    try (Job.Session session = Job.Session.open("avatarl " + config.preset())) {
      ShutdownHookManager.get()
          .addShutdownHook(stop, HOOK_PRIORITY, STOP_SECONDS, TimeUnit.SECONDS);
      training
          .run(session.spark())
          .ifPresent(
              summary -> {
                report(storage, config, run, summary, console);
                tracker.ifPresent(t -> t.finished(summary));
              });
    } finally {
      tracker.ifPresent(MlflowTracker::close);
      console.close();
      if (!ShutdownHookManager.get().isShutdownInProgress()) {
        ShutdownHookManager.get().removeShutdownHook(stop);
      }
    }
    return 0;
  }

  private TrainingConfig config(Storage storage) {
    List<String> all = new ArrayList<>(overrides);
    if (corpus != null) {
      all.add("corpus.path=" + corpus);
    }
    if (resume && preset == null) {
      return Runs.config(storage, output, all);
    }
    Presets.Preset chosen = Presets.load(preset == null ? Presets.DEFAULT : preset, storage);
    return ConfigReader.read(chosen.name(), chosen.hocon(), all);
  }

  private static String defaultOutput(TrainingConfig config) {
    String now = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").format(LocalDateTime.now());
    return Storage.resolve(Home.path(), "runs/" + config.preset() + "-" + now);
  }

  private static void stop(Training training, TrainingConsole console, String run) {
    console.stopping();
    training.stop();
    try {
      training.awaitSaved();
      console.stopped(run);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Prints and stores what a finished run came to. */
  private static void report(
      Storage storage,
      TrainingConfig config,
      String run,
      Summary summary,
      TrainingConsole console) {
    List<String> samples = samples(storage, config, run);
    storage.writeString(
        Storage.resolve(run, RunFiles.SAMPLES), new ObjectMapper().valueToTree(samples) + "\n");
    String report = Storage.resolve(run, RunFiles.REPORT);
    ReportPage.write(storage, List.of(run), report);
    console.finished(summary, samples, run, report);
  }

  private static List<String> samples(Storage storage, TrainingConfig config, String run) {
    List<String> samples = new ArrayList<>();
    CheckpointFolder checkpoint = CheckpointFolder.find(storage, run, CheckpointFolder.NEWEST);
    try (Sampler sampler = new Sampler(storage, checkpoint, config, config.sample().prompt())) {
      for (int i = 0; i < config.sample().count(); i++) {
        StringBuilder text = new StringBuilder();
        sampler.sample(
            config.sample().tokens(),
            config.sample().temperature(),
            config.seed(),
            i,
            text::append);
        samples.add(text.toString());
      }
    }
    return samples;
  }
}
