package io.avatarl.config;

import java.io.Serializable;

/**
 * @param every steps between checkpoints; 0: only at the end
 * @param keep newest checkpoints that are kept, besides the best by validation
 */
public record CheckpointConfig(int every, int keep) implements Serializable {
  public CheckpointConfig {
    Check.range("every", every, 0, 1_000_000_000);
    Check.range("keep", keep, 1, 1_000_000);
  }
}
