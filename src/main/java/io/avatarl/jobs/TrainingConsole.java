package io.avatarl.jobs;

import io.avatarl.config.LearnerConfig;
import io.avatarl.config.OptimizerConfig;
import io.avatarl.config.RolloutConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.evaluation.Scores;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.train.Summary;
import io.avatarl.train.TrainingListener;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/**
 * Shows a run to the user: the preset, a live line on a terminal or plain lines elsewhere, and the
 * results. Progress goes to standard error, results to standard output.
 */
final class TrainingConsole implements TrainingListener, AutoCloseable {
  private static final double LINE_SECONDS = 10;
  private static final int BAR_MILLIS = 250;

  private final PrintStream out;
  private final PrintStream err;
  private final OptionalInt columns;
  private final CorpusConsole evaluation;
  private ProgressBar bar;
  private String corpusRead = "";
  private TrainingConfig config;
  private long firstStep;
  private long began;
  private long groups;
  private double firstSeconds;
  private double lastLine;
  private String validation = "";
  // Read by the progress bar's thread.
  private volatile List<String> facts = List.of();

  /**
   * @param columns of the terminal, if {@code err} is one
   */
  TrainingConsole(PrintStream out, PrintStream err, OptionalInt columns) {
    this.out = out;
    this.err = err;
    this.columns = columns;
    this.evaluation = new CorpusConsole(err, columns);
  }

  @Override
  public void started(TrainingConfig config, Facts facts, long step) {
    this.config = config;
    this.firstStep = step;
    this.began = System.nanoTime();
    var m = config.model();
    var r = config.rollout();
    var l = config.learner();
    line(out, "preset     %s, seed %d", config.preset(), config.seed());
    line(
        out,
        "corpus     %s: %,d tokens to train on, %,d to validate, vocabulary %d",
        facts.corpus(),
        facts.trainTokens(),
        facts.validationTokens(),
        facts.vocabulary());
    line(
        out,
        "model      %d layers, %d heads, width %d, context %d: %,d parameters",
        m.layers(),
        m.heads(),
        m.width(),
        m.context(),
        facts.parameters());
    line(
        out,
        "objective  %s over %s actions%s, reward %s",
        lower(config.advantage().estimator()),
        lower(r.exploration()),
        r.exploration() == RolloutConfig.Exploration.SAMPLED
            ? " (" + r.samples() + ")"
            : " (" + lower(r.weights()) + " weights)",
        rewards(config));
    line(
        out,
        "schedule   %,d steps of %d updates, %d windows each; clip %s/%s, %s %s %s",
        config.steps(),
        l.updatesPerStep(),
        r.windowsPerUpdate(),
        l.clipLow(),
        l.clipHigh(),
        l.optimizer().kind() == OptimizerConfig.Kind.MUON
            ? "Muon " + l.optimizer().muon().learningRate() + " and AdamW"
            : "AdamW",
        l.optimizer().learningRate(),
        lower(l.optimizer().schedule()));
    line(out, "devices    %s", facts.devices());
    if (config.init().isWarm()) {
      line(
          out,
          "starts     from %s%s",
          config.init().place(),
          config.init().hf().isEmpty() ? ", step " + config.init().checkpoint() : "");
    }
    line(out, "run        %s", facts.output());
    if (step > 0) {
      line(out, "resumed    after step %,d", step);
    }
    out.flush();
    if (columns.isPresent()) {
      // One column stays free: some terminals break the line if the cursor is after the last
      // column.
      int width = columns.getAsInt() - 1;
      bar =
          new ProgressBarBuilder()
              .setInitialMax(config.steps())
              .startsFrom(step, Duration.ZERO)
              .setUpdateIntervalMillis(BAR_MILLIS)
              .setRenderer(
                  (progress, length) ->
                      ProgressLine.render(
                          progress.getCurrent(), progress.getMax(), this.facts, length))
              .setConsumer(new ConsoleProgressBarConsumer(err, width))
              .build();
    }
  }

  private static String rewards(TrainingConfig config) {
    StringBuilder text = new StringBuilder();
    config
        .reward()
        .allWeights()
        .forEach(
            (name, weight) -> {
              if (weight != 0) {
                text.append(text.length() == 0 ? "" : " + ");
                text.append(weight == 1 ? "" : weight + " × ").append(name);
              }
            });
    return text.toString();
  }

  @Override
  public synchronized void stepped(long step, RolloutStatistics s, UpdateMetrics update) {
    groups += s.groups();
    double seconds = (System.nanoTime() - began) / 1e9;
    long done = step - firstStep;
    if (done == 1) {
      firstSeconds = seconds;
    }
    // The first step also loads classes and natives, so it does not count for the estimate.
    double pace = done == 1 ? seconds : (seconds - firstSeconds) / (done - 1);
    double left = pace * (config.steps() - step);
    List<String> facts = new ArrayList<>();
    facts.add(format("%s left", duration(left)));
    if (!validation.isEmpty()) {
      facts.add(validation);
    }
    facts.add(format("reward %.3f", s.meanReward()));
    facts.add(format("entropy %.2f", s.meanEntropy()));
    facts.add(format("%,d updates", update.update()));
    facts.add(format("%,.1fk groups/s", groups / seconds / 1000));
    this.facts = facts;
    if (bar != null) {
      bar.stepTo(step);
    } else if (seconds - lastLine >= LINE_SECONDS || step == config.steps()) {
      lastLine = seconds;
      err.println(ProgressLine.plain(step, config.steps(), facts));
    }
  }

  @Override
  public void evaluated(long step, Scores scores) {
    validation = format("val_ce %.3f acc %.1f%%", scores.crossEntropy(), 100 * scores.accuracy());
  }

  @Override
  public void noted(String line) {
    line(out, "%s", line);
  }

  @Override
  public void endsEarly(long step, String why) {
    close();
    line(err, "ends early after step %,d: %s", step, why);
  }

  @Override
  public void warned(String warning) {
    line(err, "WARNING: %s", warning);
  }

  @Override
  public void entered(String phase) {
    close();
    line(err, "%s ...", phase);
  }

  @Override
  public void evaluating(long done, long of) {
    evaluation.at("final evaluation, windows", (int) done, (int) of);
  }

  @Override
  public void corpusRead(long fetched, long found) {
    corpusRead = format("%,d blocks fetched, %,d found on local disk", fetched, found);
  }

  void stopping() {
    close();
    line(err, "stopping: writing a checkpoint after this step ...");
  }

  void stopped(String run) {
    line(err, "stopped; continue with: %s", Home.command("train.sh", "--resume", "--out", run));
  }

  void stoppedInAStep(long seconds, String run) {
    line(
        err,
        "stopped within a step, which did not end in %d seconds; what it learned is lost; go on from the"
            + " last checkpoint with: %s",
        seconds,
        Home.command("train.sh", "--resume-or-start", "--out", run));
  }

  void stoppedBeforeTheFirstStep() {
    line(err, "stopped before the first step");
  }

  /** Ends the live line, so that further output starts on a new line. */
  @Override
  public synchronized void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
    evaluation.close();
  }

  void finished(Summary s, List<String> samples, String output, String report) {
    close();
    for (int i = 0; i < samples.size(); i++) {
      line(out, "%n--- sample %d ---", i + 1);
      out.println(Terminal.output(samples.get(i).strip()));
    }
    out.println();
    ScoreTable.print(
        out, s.baselines(), "this run", s.valCe(), s.valBitsPerCharacter(), s.valAccuracy());
    line(
        out,
        "%nval_ce_sliding  %.4f; calibration error %.4f",
        s.valCeSliding(),
        s.valCalibrationError());
    line(
        out,
        "trained         %,d updates in %.1f s (%,.0f groups/s)",
        s.updates(),
        s.trainSeconds(),
        s.groupsPerSecond());
    StringBuilder stages = new StringBuilder();
    s.stageSeconds()
        .forEach(
            (name, x) ->
                stages.append(stages.isEmpty() ? "" : ", ").append(format("%s %.1f", name, x)));
    line(out, "stages (s)      %s", stages);
    line(
        out,
        "moved per step  %.1f MB broadcast to each executor, %.1f MB returned (learner on %s)",
        s.bytesPerStep().get("broadcast") / 1e6,
        s.bytesPerStep().get("returned") / 1e6,
        config.learner().placement() == LearnerConfig.Placement.DRIVER
            ? "the driver"
            : "executors");
    if (!corpusRead.isEmpty()) {
      line(out, "corpus reads    %s", corpusRead);
    }
    line(out, "driver's peak   %s", PeakMemory.line());
    line(out, "weights_sha256  %s", s.weightsSha256());
    line(out, "run             %s", output);
    line(out, "report          %s", report);
    line(out, "try             %s", Home.command("sample.sh", output));
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static String duration(double seconds) {
    long s = Math.round(seconds);
    return s >= 3600
        ? String.format("%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60)
        : String.format("%d:%02d", s / 60, s % 60);
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  private static void line(PrintStream stream, String format, Object... values) {
    stream.println(Terminal.harmless(format(format, values)));
  }
}
