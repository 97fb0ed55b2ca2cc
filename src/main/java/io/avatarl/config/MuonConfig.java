package io.avatarl.config;

import java.io.Serializable;

/**
 * Muon's own settings.
 *
 * @param learningRate peak; follows the same schedule as AdamW's
 * @param momentum of the averaged gradient
 * @param iterations of the Newton–Schulz orthogonalisation
 */
public record MuonConfig(double learningRate, double momentum, int iterations)
    implements Serializable {
  public MuonConfig {
    Check.range("learningRate", learningRate, 0, 10);
    Check.that(momentum >= 0 && momentum < 1, "momentum", momentum + " is not in [0, 1)");
    Check.range("iterations", iterations, 1, 100);
  }
}
