package io.avatarl.config;

import java.io.Serializable;

/**
 * @param every steps between evaluations during training; 0: only at the end
 * @param windows validation windows in an evaluation during training, evenly spread; the final
 *     evaluation uses the whole split, up to {@code maxTokens}
 * @param batch windows in one forward pass
 * @param maxTokens most tokens of the validation split that are ever scored, evenly spread; 0: all
 * @param patience evaluations in a row without a better one after which training ends; 0: never
 */
public record EvaluationConfig(int every, int windows, int batch, int maxTokens, int patience)
    implements Serializable {
  public EvaluationConfig {
    Check.range("every", every, 0, 1_000_000_000);
    Check.range("windows", windows, 1, 1 << 24);
    Check.range("batch", batch, 1, 1 << 16);
    Check.range("maxTokens", maxTokens, 0, 1 << 30);
    Check.range("patience", patience, 0, 1_000_000_000);
    Check.that(
        patience == 0 || every > 0,
        "patience",
        patience
            + " counts evaluations during training, and evaluation.every = 0 has none; set it");
  }
}
