package io.avatarl.config;

import java.io.Serializable;

/**
 * One step's policy updates.
 *
 * @param placement who computes gradients: the driver, from the groups that executors return; or
 *     each task, for its own shard, with one Spark round per update
 * @param updatesPerStep M, minibatch updates in a step; every group is used once
 * @param slices parts of a minibatch whose gradients are computed in parallel, one thread each, and
 *     added in order; configured rather than derived from the machine, so that results do not
 *     depend on it
 * @param recompute keeps of each block only its input for the backward pass, which computes the
 *     rest again: less memory, a fifth more arithmetic, the same bits
 * @param clipLow ε below: the ratio π/π_old counts down to 1 − ε (Schulman et al. 2017, equation
 *     7); 0 < ε ≤ 1
 * @param clipHigh ε above: the ratio counts up to 1 + ε
 * @param entropy weight of the entropy bonus
 */
public record LearnerConfig(
    Placement placement,
    int updatesPerStep,
    int slices,
    boolean recompute,
    double clipLow,
    double clipHigh,
    double entropy,
    KlConfig kl,
    OptimizerConfig optimizer)
    implements Serializable {
  public enum Placement {
    DRIVER,
    EXECUTORS
  }

  public LearnerConfig {
    Check.range("updatesPerStep", updatesPerStep, 1, 1 << 20);
    Check.range("slices", slices, 1, 1024);
    Check.that(clipLow > 0 && clipLow <= 1, "clipLow", clipLow + " is not in (0, 1]");
    Check.that(clipHigh > 0, "clipHigh", clipHigh + " is not positive");
    Check.range("entropy", entropy, 0, 100);
  }
}
