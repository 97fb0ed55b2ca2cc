package io.avatarl.learner;

import io.avatarl.config.OptimizerConfig;
import io.avatarl.model.ParameterLayout;

/** Changes parameters by a gradient. A new optimizer is one class and one line in {@link #of}. */
sealed interface Optimizer permits AdamW, Muon {
  /**
   * One update in place.
   *
   * @param update counts from 1
   * @param learningRate from the schedule, whose peak is {@link OptimizerConfig#learningRate}
   * @param parameters [layout.length()]
   * @param gradient [layout.length()]
   * @param gradientScale multiplies the gradient (for clipping)
   */
  void step(
      long update, double learningRate, float[] parameters, float[] gradient, float gradientScale);

  /** Averaged gradients, [layout.length()], shared. */
  float[] firstMoment();

  /** Averaged squares of gradients, [layout.length()], shared; 0 where the optimizer needs none. */
  float[] secondMoment();

  /**
   * The optimizer the configuration names.
   *
   * @param ranges threads for independent parts of an update
   */
  static Optimizer of(ParameterLayout layout, OptimizerConfig config, Ranges ranges) {
    return switch (config.kind()) {
      case ADAMW -> new AdamW(layout, config, ranges);
      case MUON -> new Muon(layout, config, ranges);
    };
  }
}
