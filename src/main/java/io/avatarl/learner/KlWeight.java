package io.avatarl.learner;

import io.avatarl.config.KlConfig;

/**
 * β, the weight of the KL term: a linear warm-up, a factor from the curriculum's stage and, with a
 * target, the adaptive controller of Ziegler et al. 2019 (arXiv 1909.08593, section 2.2), applied
 * once a step:
 *
 * <pre>
 *   e = clip(KL / target − 1, −0.2, 0.2),   β ← β (1 + 0.1 e)
 * </pre>
 */
public final class KlWeight {
  private static final double LARGEST_ERROR = 0.2;
  private static final double GAIN = 0.1;

  private final KlConfig config;
  private double controlled;
  private double stageFactor = 1;

  KlWeight(KlConfig config) {
    this.config = config;
    this.controlled = config.weight();
  }

  /**
   * @param update counts from 0
   */
  double at(long update) {
    double ramp = config.warmup() == 0 ? 1 : Math.min(1, (update + 1.0) / config.warmup());
    return controlled * ramp * stageFactor;
  }

  /** Sets the factor of the curriculum's stage. */
  public void stage(double factor) {
    stageFactor = factor;
  }

  /** The controller's state, for a checkpoint. */
  public double controlled() {
    return controlled;
  }

  /** Restores a controller's state. */
  public void resume(double state) {
    controlled = state;
  }

  /** Tells the controller a step's mean KL to the reference. */
  public void observe(double kl) {
    if (config.target() > 0) {
      double error = Math.max(-LARGEST_ERROR, Math.min(LARGEST_ERROR, kl / config.target() - 1));
      controlled *= 1 + GAIN * error;
    }
  }
}
