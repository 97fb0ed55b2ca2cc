package io.avatarl.config;

import java.io.Serializable;

/**
 * The optimizer and its learning rate.
 *
 * @param kind AdamW for all parameters, or Muon for the matrices inside the blocks and AdamW for
 *     the rest
 * @param learningRate AdamW's peak
 * @param schedule shape of the decay after the warm-up, from the peak to the floor at the last
 *     update
 * @param warmup updates of linear warm-up
 * @param floor lowest learning rate, as a fraction of the peak
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added to the root of the second moment
 * @param weightDecay decoupled, on matrices only
 * @param clipNorm largest global gradient norm; 0 = no clipping
 * @param muon Muon's own settings; schedule and decay are shared
 */
public record OptimizerConfig(
    Kind kind,
    double learningRate,
    Schedule schedule,
    int warmup,
    double floor,
    double beta1,
    double beta2,
    double epsilon,
    double weightDecay,
    double clipNorm,
    MuonConfig muon)
    implements Serializable {
  public enum Kind {
    ADAMW,
    MUON
  }

  public enum Schedule {
    COSINE,
    LINEAR,
    CONSTANT
  }

  public OptimizerConfig {
    Check.range("learningRate", learningRate, 0, 10);
    Check.that(
        kind == Kind.ADAMW || learningRate > 0,
        "learningRate",
        learningRate + " is not positive; muon follows its schedule");
    Check.range("warmup", warmup, 0, 1_000_000_000);
    Check.range("floor", floor, 0, 1);
    Check.that(beta1 >= 0 && beta1 < 1, "beta1", beta1 + " is not in [0, 1)");
    Check.that(beta2 >= 0 && beta2 < 1, "beta2", beta2 + " is not in [0, 1)");
    Check.that(epsilon > 0, "epsilon", epsilon + " is not positive");
    Check.range("weightDecay", weightDecay, 0, 10);
    Check.range("clipNorm", clipNorm, 0, 1e9);
  }
}
