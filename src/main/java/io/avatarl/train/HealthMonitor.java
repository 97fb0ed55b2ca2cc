package io.avatarl.train;

import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Warns when training goes wrong: avatarl's three warnings (train.py of 3 June 2025,
 * ConfidenceMonitor), collapse of the policy's entropy, jumps of the loss's size and of the
 * learning rate, and conditions judged without the run's past: groups that teach nothing, no
 * gradient, and gradients that clipping cuts to almost nothing. A warning comes when its condition
 * begins to hold, and again only after it has not held for {@value #QUIET} steps: quantities hover
 * around their thresholds, and losses spike for single updates many times in a run.
 */
final class HealthMonitor {
  private static final int LONG = 100;
  private static final int SHORT = 20;
  private static final int QUIET = 100;
  private static final double CALIBRATION = 0.15;
  private static final double CONFIDENT = 0.8;
  private static final double CONFIDENT_SHARE = 0.7;
  private static final double NORM_JUMP = 10;
  private static final double LOSS_JUMP = 10;
  // In a linear warm-up from 0, the rate is always twice the average so far.
  private static final double RATE_JUMP = 3;
  private static final double LOW_ENTROPY = 0.05;
  private static final int FEW = 5;
  private static final double NEARLY_ALL = 0.95;
  private static final double CLIPPED = 1000;

  private final Deque<Double> confidence = new ArrayDeque<>();
  private final Deque<Double> accuracy = new ArrayDeque<>();
  private final Deque<Double> norms = new ArrayDeque<>();
  private final Deque<Double> losses = new ArrayDeque<>();
  private final Deque<Double> rates = new ArrayDeque<>();
  private final Deque<Double> degenerate = new ArrayDeque<>();
  private final Map<String, Integer> quiet = new TreeMap<>();
  private final double clipNorm;

  /**
   * Everything that later warnings depend on, for a checkpoint: recent values, oldest first.
   *
   * @param confidence mean probability of the top token, per step
   * @param accuracy per step
   * @param norms of the gradient, per update
   * @param losses their absolute values, per update
   * @param rates learning rates, per update
   * @param degenerate share of groups without an advantage, per step; null in files of version 0.1
   * @param quiet by condition name: for how many more steps it must not hold before it is reported
   *     again
   */
  record State(
      List<Double> confidence,
      List<Double> accuracy,
      List<Double> norms,
      List<Double> losses,
      List<Double> rates,
      List<Double> degenerate,
      Map<String, Integer> quiet) {
    /** Fails at nulls, which a file may hold. */
    State {
      confidence = List.copyOf(confidence);
      accuracy = List.copyOf(accuracy);
      norms = List.copyOf(norms);
      losses = List.copyOf(losses);
      rates = List.copyOf(rates);
      degenerate = degenerate == null ? List.of() : List.copyOf(degenerate);
      quiet = new TreeMap<>(Map.copyOf(quiet)); // sorted, so that equal states make equal files
    }

    static final State START =
        new State(List.of(), List.of(), List.of(), List.of(), List.of(), List.of(), Map.of());
  }

  /**
   * @param clipNorm the learner's largest gradient norm; 0: no clipping
   */
  HealthMonitor(State state, double clipNorm) {
    this.clipNorm = clipNorm;
    degenerate.addAll(state.degenerate());
    confidence.addAll(state.confidence());
    accuracy.addAll(state.accuracy());
    norms.addAll(state.norms());
    losses.addAll(state.losses());
    rates.addAll(state.rates());
    quiet.putAll(state.quiet());
  }

  State state() {
    return new State(
        List.copyOf(confidence),
        List.copyOf(accuracy),
        List.copyOf(norms),
        List.copyOf(losses),
        List.copyOf(rates),
        List.copyOf(degenerate),
        quiet);
  }

  /** Observes one step; returns its new warnings. */
  List<String> stepped(RolloutStatistics rollouts, List<UpdateMetrics> updates) {
    quiet.values().removeIf(left -> left <= 0);
    quiet.replaceAll((name, left) -> left - 1);
    push(confidence, rollouts.meanConfidence(), LONG);
    push(accuracy, rollouts.meanAccuracy(), LONG);
    List<String> fresh = new ArrayList<>();
    double error = Math.abs(mean(confidence) - mean(accuracy));
    warn(
        fresh,
        "calibration",
        confidence.size() >= LONG / 2 && error > CALIBRATION,
        "miscalibrated: the top token's probability and accuracy differ by %.2f on average",
        error);
    double confident =
        confidence.stream()
                .skip(Math.max(0, confidence.size() - SHORT))
                .filter(c -> c > CONFIDENT)
                .count()
            / (double) SHORT;
    warn(
        fresh,
        "confidence",
        confidence.size() >= SHORT && confident > CONFIDENT_SHARE,
        "confidence collapse: the top token has more than %.1f in %.0f %% of the last steps",
        CONFIDENT,
        100 * confident);
    for (UpdateMetrics update : updates) {
      long n = update.update();
      jump(
          fresh,
          "gradient",
          norms,
          update.gradientNorm(),
          NORM_JUMP,
          "gradient instability: norm %.3g at update %d, usually %.3g",
          n);
      jump(
          fresh,
          "loss",
          losses,
          update.loss(),
          LOSS_JUMP,
          "loss spike: %.3g at update %d, usually %.3g in size",
          n);
      jump(
          fresh,
          "rate",
          rates,
          update.learningRate(),
          RATE_JUMP,
          "learning-rate spike: %.3g at update %d, usually %.3g",
          n);
    }
    push(degenerate, rollouts.degenerateShare(), FEW);
    absolute(fresh);
    warn(
        fresh,
        "entropy",
        rollouts.meanEntropy() < LOW_ENTROPY,
        "entropy collapse: %.3f nats; raise learner.entropy or lower the learning rate",
        rollouts.meanEntropy());
    return fresh;
  }

  /**
   * Warnings by absolute bounds, since a run that never learned has no better past to compare with.
   */
  private void absolute(List<String> fresh) {
    List<Double> latest = norms.stream().skip(Math.max(0, norms.size() - SHORT)).toList();
    boolean silent = latest.size() == SHORT && latest.stream().allMatch(norm -> norm == 0);
    boolean nearlyAll =
        degenerate.size() == FEW && degenerate.stream().allMatch(share -> share > NEARLY_ALL);
    // One name: whichever is seen first, the other follows from it.
    warn(
        fresh,
        "silence",
        silent || nearlyAll,
        (silent ? "no gradient in the last %3$d updates, " : "")
            + "%1$.1f %% of the groups have no advantage in the last %2$d steps; raise"
            + " rollout.samples or change reward.weights",
        100 * mean(degenerate),
        degenerate.size(),
        SHORT);
    warn(
        fresh,
        "clipping",
        clipNorm > 0
            && latest.size() == SHORT
            && latest.stream().filter(norm -> norm > CLIPPED * clipNorm).count() > SHORT / 2,
        "gradients were cut down more than %.0f times in most of the last %d updates (norm %.3g,"
            + " clipNorm"
            + " %.3g), so that a few groups decide each; set advantage.minMean or"
            + " advantage.minStd, or lower"
            + " reward.weights",
        CLIPPED,
        SHORT,
        latest.isEmpty() ? 0 : latest.get(latest.size() - 1),
        clipNorm);
  }

  /** Warns if a value's size exceeds the average of earlier ones by this factor. */
  private void jump(
      List<String> fresh,
      String name,
      Deque<Double> history,
      double value,
      double times,
      String format,
      long update) {
    double usual = mean(history);
    boolean jumps = history.size() >= SHORT && Math.abs(value) > times * usual;
    warn(fresh, name, jumps, format, value, update, usual);
    push(history, Math.abs(value), LONG);
  }

  private void warn(
      List<String> fresh, String name, boolean holds, String format, Object... values) {
    if (holds && quiet.put(name, QUIET) == null) {
      fresh.add(String.format(Locale.ROOT, format, values));
    }
  }

  private static void push(Deque<Double> history, double value, int length) {
    history.addLast(value);
    if (history.size() > length) {
      history.removeFirst();
    }
  }

  private static double mean(Deque<Double> history) {
    return history.stream().mapToDouble(Double::doubleValue).average().orElse(0);
  }
}
