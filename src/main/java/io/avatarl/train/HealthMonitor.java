package io.avatarl.train;

import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;

/**
 * Warns when training goes wrong: avatarl's three warnings (train.py of 3 June 2025,
 * ConfidenceMonitor), the collapse of the policy's entropy, and jumps of the loss's size and of the
 * learning rate. A warning is given when its condition begins to hold, not at every step.
 */
final class HealthMonitor {
  private static final int LONG = 100;
  private static final int SHORT = 20;
  private static final double CALIBRATION = 0.15;
  private static final double CONFIDENT = 0.8;
  private static final double CONFIDENT_SHARE = 0.7;
  private static final double NORM_JUMP = 10;
  private static final double LOSS_JUMP = 10;
  // A linear warm-up from 0 stays at twice the average of its rates so far.
  private static final double RATE_JUMP = 3;
  private static final double LOW_ENTROPY = 0.05;

  private final Deque<Double> confidence = new ArrayDeque<>();
  private final Deque<Double> accuracy = new ArrayDeque<>();
  private final Deque<Double> norms = new ArrayDeque<>();
  private final Deque<Double> losses = new ArrayDeque<>();
  private final Deque<Double> rates = new ArrayDeque<>();
  private final List<String> holding = new ArrayList<>();

  /**
   * All that later warnings depend on, for a checkpoint: what was seen of late, oldest first.
   *
   * @param confidence mean probability of the top token, per step
   * @param accuracy per step
   * @param norms of the gradient, per update
   * @param losses their absolute values, per update
   * @param rates learning rates, per update
   * @param holding names of the conditions that hold
   */
  record State(
      List<Double> confidence,
      List<Double> accuracy,
      List<Double> norms,
      List<Double> losses,
      List<Double> rates,
      List<String> holding) {
    static final State START =
        new State(List.of(), List.of(), List.of(), List.of(), List.of(), List.of());
  }

  HealthMonitor(State state) {
    confidence.addAll(state.confidence());
    accuracy.addAll(state.accuracy());
    norms.addAll(state.norms());
    losses.addAll(state.losses());
    rates.addAll(state.rates());
    holding.addAll(state.holding());
  }

  State state() {
    return new State(
        List.copyOf(confidence),
        List.copyOf(accuracy),
        List.copyOf(norms),
        List.copyOf(losses),
        List.copyOf(rates),
        List.copyOf(holding));
  }

  /** Watches one step; returns the warnings that begin with it. */
  List<String> stepped(RolloutStatistics rollouts, List<UpdateMetrics> updates) {
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
      double usual = mean(norms);
      warn(
          fresh,
          "gradient",
          norms.size() >= SHORT && update.gradientNorm() > NORM_JUMP * usual,
          "gradient instability: norm %.3g at update %d, usually %.3g",
          update.gradientNorm(),
          update.update(),
          usual);
      push(norms, update.gradientNorm(), LONG);
      double usualLoss = mean(losses);
      warn(
          fresh,
          "loss",
          losses.size() >= SHORT && Math.abs(update.loss()) > LOSS_JUMP * usualLoss,
          "loss spike: %.3g at update %d, usually %.3g in size",
          update.loss(),
          update.update(),
          usualLoss);
      push(losses, Math.abs(update.loss()), LONG);
      double usualRate = mean(rates);
      warn(
          fresh,
          "rate",
          rates.size() >= SHORT && update.learningRate() > RATE_JUMP * usualRate,
          "learning-rate spike: %.3g at update %d, usually %.3g",
          update.learningRate(),
          update.update(),
          usualRate);
      push(rates, update.learningRate(), LONG);
    }
    warn(
        fresh,
        "entropy",
        rollouts.meanEntropy() < LOW_ENTROPY,
        "entropy collapse: %.3f nats; raise learner.entropy or lower the learning rate",
        rollouts.meanEntropy());
    return fresh;
  }

  private void warn(
      List<String> fresh, String name, boolean holds, String format, Object... values) {
    if (!holds) {
      holding.remove(name);
    } else if (!holding.contains(name)) {
      holding.add(name);
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
