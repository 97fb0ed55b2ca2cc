package io.avatarl.config;

import java.io.Serializable;

/**
 * The KL term of the loss, β · KL(π ‖ reference).
 *
 * @param reference {@code none}; {@code ngram} table of the training split; {@code initial}, the
 *     policy before training; or {@code last}, the policy that explored
 * @param order of the n-gram table
 * @param weight β
 * @param estimator {@code full}: exact over the vocabulary; {@code sampled}: over the group's
 *     actions, the estimate k3
 * @param warmup updates over which β rises from 0
 * @param freeBits nats per state that cost nothing
 * @param target of the adaptive controller, nats per state; 0: β stays
 */
public record KlConfig(
    Reference reference,
    int order,
    double weight,
    Estimator estimator,
    int warmup,
    double freeBits,
    double target)
    implements Serializable {
  public enum Reference {
    NONE,
    NGRAM,
    INITIAL,
    LAST
  }

  public enum Estimator {
    FULL,
    SAMPLED
  }

  public KlConfig {
    Check.range("order", order, 1, 5);
    Check.range("weight", weight, 0, 1e6);
    Check.range("warmup", warmup, 0, 1_000_000_000);
    Check.range("freeBits", freeBits, 0, 1e6);
    Check.range("target", target, 0, 1e6);
  }
}
