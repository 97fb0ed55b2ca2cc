package io.avatarl.config;

import java.io.Serializable;

/**
 * The samples shown at the end of training.
 *
 * @param count number of samples
 * @param tokens length of each
 * @param temperature logits are divided by it
 * @param prompt the text that each sample continues; empty: the tokenizer's default
 */
public record SampleConfig(int count, int tokens, double temperature, String prompt)
    implements Serializable {
  public SampleConfig {
    Check.range("count", count, 0, 1000);
    Check.range("tokens", tokens, 1, 1_000_000);
    Check.that(temperature > 0, "temperature", temperature + " is not positive");
  }
}
