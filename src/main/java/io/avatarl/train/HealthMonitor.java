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
 * ConfidenceMonitor) and the collapse of the policy's entropy. A warning is given when its
 * condition begins to hold, not at every step.
 */
final class HealthMonitor {
  private static final int LONG = 100;
  private static final int SHORT = 20;
  private static final double CALIBRATION = 0.15;
  private static final double CONFIDENT = 0.8;
  private static final double CONFIDENT_SHARE = 0.7;
  private static final double NORM_JUMP = 10;
  private static final double LOW_ENTROPY = 0.05;

  private final Deque<Double> confidence = new ArrayDeque<>();
  private final Deque<Double> accuracy = new ArrayDeque<>();
  private final Deque<Double> norms = new ArrayDeque<>();
  private final List<String> holding = new ArrayList<>();

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
