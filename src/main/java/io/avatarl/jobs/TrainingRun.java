package io.avatarl.jobs;

import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.CorpusProvider;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.tracking.MlflowTracker;
import io.avatarl.tracking.TensorBoardLog;
import io.avatarl.train.RunFiles;
import io.avatarl.train.Runs;
import io.avatarl.train.Summary;
import io.avatarl.train.Trainer;
import io.avatarl.train.TrainingListener;
import io.avatarl.yardstick.NgramBaselines;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.spark.sql.SparkSession;

/**
 * One training run with its console, tracker, samples and report; shared by the command and the
 * library call.
 */
final class TrainingRun implements AutoCloseable {
  private final Storage storage;
  private final TrainingConfig config;
  private final String folder;
  private final TrainingConsole console;
  private final Optional<MlflowTracker> tracker;
  private final Optional<TensorBoardLog> tensorBoard;
  private final Trainer training;

  /**
   * Checks the input before Spark is used.
   *
   * @param corpora loads the corpus that the configuration names
   * @param watcher hears everything that the console hears
   */
  TrainingRun(
      Storage storage,
      TrainingConfig config,
      CorpusProvider corpora,
      String folder,
      boolean resume,
      TrainingConsole console,
      TrainingListener watcher) {
    this.storage = storage;
    this.config = config;
    this.folder = folder;
    this.console = console;
    requireRegistrable(config);
    this.tracker = MlflowTracker.of(config.tracking(), System.getenv(), storage, console::warned);
    this.tensorBoard = TensorBoardLog.of(config.tracking(), storage, console::warned);
    this.training =
        new Trainer(
            storage, config, corpora, folder, resume, listener(watcher), NgramBaselines::of);
  }

  private TrainingListener listener(TrainingListener watcher) {
    TrainingListener listener = TrainingListener.both(console, watcher);
    if (tensorBoard.isPresent()) {
      listener = TrainingListener.both(listener, tensorBoard.get());
    }
    return tracker.isPresent() ? TrainingListener.both(listener, tracker.get()) : listener;
  }

  /** Checks this before the training, not after it. */
  private static void requireRegistrable(TrainingConfig config) {
    if (!config.tracking().register().isEmpty()) {
      try {
        ModelExport.requireCounterpart(config.model(), ModelExport.Format.HF);
      } catch (UserError e) {
        throw new UserError("tracking.register: " + e.getMessage(), e);
      }
    }
  }

  /**
   * The requested configuration.
   *
   * @param preset name or file; empty: the default, or with {@code resume} that of the run
   * @param overrides {@code key=value} each
   * @param corpus the corpus; empty: that of the configuration
   * @param warnings one line each
   */
  static TrainingConfig config(
      Storage storage,
      String preset,
      List<String> overrides,
      String corpus,
      String folder,
      boolean resume,
      Consumer<String> warnings) {
    List<String> all = new ArrayList<>(overrides);
    if (!corpus.isEmpty()) {
      all.add("corpus.path=" + corpus);
    }
    if (resume && preset.isEmpty()) {
      return Runs.config(storage, folder, all, warnings);
    }
    Presets.Preset chosen = Presets.load(preset.isEmpty() ? Presets.DEFAULT : preset, storage);
    return chosen.read(storage, all, warnings);
  }

  String folder() {
    return folder;
  }

  /** Trains and reports; false if it was stopped or cancelled before the last step. */
  boolean run(SparkSession spark) {
    Optional<Summary> summary = training.run(spark);
    summary.ifPresent(
        s -> {
          report(s);
          tensorBoard.ifPresent(log -> log.finished(s));
          List<String> model = exported();
          tracker.ifPresent(t -> t.finished(s, model));
        });
    return summary.isPresent();
  }

  /** Asks a running {@link #run} to end after the current step, with a checkpoint. */
  void stop() {
    console.stopping();
    training.stop();
  }

  /** Waits for that checkpoint, but not for ever: who stops a job kills it in the end. */
  void awaitSaved(long seconds) throws InterruptedException {
    if (training.awaitSaved(seconds)) {
      stopped();
    } else {
      console.stoppedInAStep(seconds, folder);
    }
  }

  /** Prints how to resume, unless training had not begun. */
  void stopped() {
    if (Runs.exists(storage, folder)) {
      console.stopped(folder);
    } else {
      console.stoppedBeforeTheFirstStep();
    }
  }

  /** Prints and stores the results of a finished run. */
  private void report(Summary summary) {
    RunReport report = RunReport.write(storage, config, folder);
    console.finished(summary, report.samples(), folder, report.page());
  }

  /** Exports the model that is to be registered; its files, by their names in the run's folder. */
  private List<String> exported() {
    if (config.tracking().register().isEmpty()) {
      return List.of();
    }
    String out = Storage.resolve(folder, RunFiles.EXPORTED);
    storage.delete(out); // of a run that was finished once and went on
    CheckpointChoice.OfRun newest = new CheckpointChoice.OfRun(folder, CheckpointFolder.NEWEST);
    return ModelExport.write(storage, newest, ModelExport.Format.HF, out).files().stream()
        .map(file -> RunFiles.EXPORTED + "/" + file)
        .toList();
  }

  @Override
  public void close() {
    training.close();
    tracker.ifPresent(MlflowTracker::close);
    console.close();
  }
}
