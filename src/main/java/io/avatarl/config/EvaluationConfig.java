package io.avatarl.config;

import java.io.Serializable;

/**
 * @param every steps between evaluations during training; 0: only at the end
 * @param windows validation windows in an evaluation during training, evenly spread; the final
 *     figures always take the whole split
 * @param batch windows in one forward pass
 */
public record EvaluationConfig(int every, int windows, int batch) implements Serializable {
  public EvaluationConfig {
    Check.range("every", every, 0, 1_000_000_000);
    Check.range("windows", windows, 1, 1 << 24);
    Check.range("batch", batch, 1, 1 << 16);
  }
}
