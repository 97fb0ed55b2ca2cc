package io.avatarl.config;

import java.io.Serializable;

/**
 * @param run folder of a run over the same corpus and tokenizer whose newest checkpoint is the
 *     referee
 * @param realityWeight α, exponent of the label-smoothed gold token
 * @param refereeWeight β, exponent of the referee's probability
 * @param labelSmoothing ε, spread over the tokens that are not gold
 * @param scale of the rewards
 * @param clamp largest reward
 */
public record RefereeConfig(
    String run,
    double realityWeight,
    double refereeWeight,
    double labelSmoothing,
    double scale,
    double clamp)
    implements Serializable {
  public RefereeConfig {
    Check.range("realityWeight", realityWeight, 0, 10);
    Check.range("refereeWeight", refereeWeight, 0, 10);
    Check.range("labelSmoothing", labelSmoothing, 0, 1);
    Check.range("scale", scale, 0, 1e6);
    Check.range("clamp", clamp, 0, 1e6);
  }
}
