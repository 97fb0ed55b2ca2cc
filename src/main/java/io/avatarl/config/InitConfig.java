package io.avatarl.config;

import java.io.Serializable;

/**
 * The weights that training begins with.
 *
 * @param run folder of the run to take weights, shape and tokenizer from, any Hadoop path; empty:
 *     random weights
 * @param checkpoint {@code newest}, {@code best} or a step
 * @param sha256 expected SHA-256 of the weights; empty: not checked
 */
public record InitConfig(String run, String checkpoint, String sha256) implements Serializable {
  public InitConfig {
    Check.that(
        checkpoint.matches("newest|best|\\d{1,18}"),
        "checkpoint",
        checkpoint + " is not newest, best or a step");
    Check.that(
        sha256.isEmpty() || sha256.matches("[0-9a-f]{64}"),
        "sha256",
        "must be 64 hexadecimal digits in lower case, or empty");
  }

  /** Whether training begins with a run's weights. */
  public boolean isWarm() {
    return !run.isEmpty();
  }
}
