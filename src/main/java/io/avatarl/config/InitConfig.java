package io.avatarl.config;

import java.io.Serializable;

/**
 * The weights that training begins with.
 *
 * @param run folder of the run to take weights, shape and tokenizer from, any Hadoop path; empty:
 *     none
 * @param hf folder of a stock GPT-2 or Apertus model, as Hugging Face's transformers save it, to
 *     take weights, shape and tokenizer from; empty: none
 * @param checkpoint {@code newest}, {@code best} or a step
 * @param sha256 expected SHA-256 of the weights; empty: not checked
 */
public record InitConfig(String run, String hf, String checkpoint, String sha256)
    implements Serializable {
  public InitConfig {
    Check.that(
        run.isEmpty() || hf.isEmpty(),
        "hf",
        hf + ": training begins with one model, and init.run names another; leave one out");
    Check.that(
        checkpoint.matches("newest|best|\\d{1,18}"),
        "checkpoint",
        checkpoint + " is not newest, best or a step");
    Check.that(
        sha256.isEmpty() || sha256.matches("[0-9a-f]{64}"),
        "sha256",
        "must be 64 hexadecimal digits in lower case, or empty");
  }

  /** Whether training begins with the weights of another model. */
  public boolean isWarm() {
    return !place().isEmpty();
  }

  /** The path of that model; empty if weights are random. */
  public String place() {
    return run.isEmpty() ? hf : run;
  }

  /** The key that names it. */
  public String key() {
    return hf.isEmpty() ? "init.run" : "init.hf";
  }
}
