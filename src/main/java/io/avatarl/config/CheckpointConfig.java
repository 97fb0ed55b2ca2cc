package io.avatarl.config;

import java.io.Serializable;

/**
 * @param every steps between checkpoints; 0: only at the end
 * @param keep number of newest checkpoints to keep, besides the one with the best validation score
 */
public record CheckpointConfig(int every, int keep) implements Serializable {
  public CheckpointConfig {
    Check.range("every", every, 0, 1_000_000_000);
    Check.range("keep", keep, 1, 1_000_000);
  }
}
