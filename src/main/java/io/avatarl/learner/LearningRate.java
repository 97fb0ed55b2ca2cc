package io.avatarl.learner;

import io.avatarl.config.OptimizerConfig;

/**
 * Linear warm-up to the peak, then the schedule's decay; the floor would be reached one update
 * after the last.
 */
final class LearningRate {
  private final OptimizerConfig config;
  private final long updates;

  LearningRate(OptimizerConfig config, long updates) {
    this.config = config;
    this.updates = updates;
  }

  /**
   * @param update counts from 0
   */
  double at(long update) {
    double peak = config.learningRate();
    if (update < config.warmup()) {
      return peak * (update + 1) / config.warmup();
    }
    double progress =
        Math.min(1, (double) (update - config.warmup()) / Math.max(1, updates - config.warmup()));
    double floor = config.floor() * peak;
    return switch (config.schedule()) {
      case COSINE -> floor + (peak - floor) * 0.5 * (1 + Math.cos(Math.PI * progress));
      case LINEAR -> floor + (peak - floor) * (1 - progress);
      case CONSTANT -> peak;
    };
  }
}
