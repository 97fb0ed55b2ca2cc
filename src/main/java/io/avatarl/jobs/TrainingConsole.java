package io.avatarl.jobs;

import io.avatarl.config.TrainingConfig;
import io.avatarl.evaluation.Scores;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.train.Baselines;
import io.avatarl.train.Summary;
import io.avatarl.train.TrainingListener;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * What a person sees of a run: the preset, a live bar on a terminal or plain lines elsewhere, and
 * the figures at the end. Progress goes to standard error, results to standard output.
 */
final class TrainingConsole implements TrainingListener {
  private static final double LINE_SECONDS = 10;
  private static final int BAR_MILLIS = 250;

  private final PrintStream out;
  private final PrintStream err;
  private final boolean terminal;
  private ProgressBar bar;
  private TrainingConfig config;
  private long firstStep;
  private long began;
  private long groups;
  private double lastLine;
  private String validation = "";

  TrainingConsole(PrintStream out, PrintStream err, boolean terminal) {
    this.out = out;
    this.err = err;
    this.terminal = terminal;
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
        r.exploration() == io.avatarl.config.RolloutConfig.Exploration.SAMPLED
            ? " (" + r.samples() + ")"
            : " (" + lower(r.weights()) + " weights)",
        rewards(config));
    line(
        out,
        "schedule   %,d steps of %d updates, %d windows each; clip %s/%s, AdamW %s %s",
        config.steps(),
        l.updatesPerStep(),
        r.windowsPerUpdate(),
        l.clipLow(),
        l.clipHigh(),
        l.optimizer().learningRate(),
        lower(l.optimizer().schedule()));
    line(out, "run        %s", facts.output());
    if (step > 0) {
      line(out, "resumed    after step %,d", step);
    }
    out.flush();
    if (terminal) {
      bar =
          new ProgressBarBuilder()
              .setTaskName("train")
              .setInitialMax(config.steps())
              .startsFrom(step, java.time.Duration.ZERO)
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(BAR_MILLIS)
              .setConsumer(new ConsoleProgressBarConsumer(err, 140))
              .hideEta()
              .build();
    }
  }

  private static String rewards(TrainingConfig config) {
    StringBuilder text = new StringBuilder();
    config
        .reward()
        .weights()
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
  public void stepped(long step, RolloutStatistics s, UpdateMetrics update) {
    groups += s.groups();
    double seconds = (System.nanoTime() - began) / 1e9;
    double left = seconds / (step - firstStep) * (config.steps() - step);
    String status =
        String.format(
            Locale.ROOT,
            "update %,d  %,.0f groups/s  reward %.3f  entropy %.2f%s  %s left",
            update.update(),
            groups / seconds,
            s.meanReward(),
            s.meanEntropy(),
            validation,
            duration(left));
    if (bar != null) {
      bar.setExtraMessage(" " + status);
      bar.stepTo(step);
      if (step == config.steps()) {
        bar.close();
        bar = null;
      }
    } else if (seconds - lastLine >= LINE_SECONDS || step == config.steps()) {
      lastLine = seconds;
      line(err, "step %,d/%,d  %s", step, config.steps(), status);
    }
  }

  @Override
  public void evaluated(long step, Scores scores) {
    validation =
        String.format(
            Locale.ROOT,
            "  val_ce %.3f  acc %.1f%%",
            scores.crossEntropy(),
            100 * scores.accuracy());
  }

  @Override
  public void warned(String warning) {
    line(err, "WARNING: %s", warning);
  }

  @Override
  public void entered(String phase) {
    line(err, "%s ...", phase);
  }

  void stopping() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
    line(err, "stopping: writing a checkpoint after this step ...");
  }

  void finished(Summary s, List<String> samples, String output) {
    for (int i = 0; i < samples.size(); i++) {
      line(out, "%n--- sample %d ---%s", i + 1, samples.get(i));
    }
    line(
        out,
        "%n%-14s %10s %14s %12s %10s",
        "validation",
        "nats/token",
        "bits/character",
        "perplexity",
        "accuracy");
    for (Map.Entry<String, Baselines.Baseline> entry : s.baselines().entrySet()) {
      Baselines.Baseline b = entry.getValue();
      figures(entry.getKey(), b.ce(), b.bitsPerCharacter(), Math.exp(b.ce()), b.accuracy());
    }
    figures("this run", s.valCe(), s.valBitsPerCharacter(), s.valPerplexity(), s.valAccuracy());
    line(
        out,
        "%nval_ce_sliding %.4f, calibration error %.4f, %,d updates in %.1f s (%,.0f groups/s)",
        s.valCeSliding(),
        s.valCalibrationError(),
        s.updates(),
        s.trainSeconds(),
        s.groupsPerSecond());
    StringBuilder stages = new StringBuilder("stages (s)");
    s.stageSeconds()
        .forEach((name, x) -> stages.append(String.format(Locale.ROOT, "  %s %.1f", name, x)));
    line(out, "%s", stages);
    line(out, "weights_sha256 %s", s.weightsSha256());
    line(out, "run            %s", output);
  }

  private void figures(
      String name, double ce, double bitsPerCharacter, double perplexity, double accuracy) {
    line(
        out,
        "%-14s %10.4f %14.4f %12.2f %9.1f%%",
        name,
        ce,
        bitsPerCharacter,
        perplexity,
        100 * accuracy);
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

  private static void line(PrintStream stream, String format, Object... values) {
    stream.println(String.format(Locale.ROOT, format, values));
  }
}
