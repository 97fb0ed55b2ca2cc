package io.avatarl.config;

import java.io.Serializable;

/**
 * How weights travel to the executors.
 *
 * @param precision of each number; the driver's own weights are always float32
 */
public record BroadcastConfig(Precision precision) implements Serializable {
  public enum Precision {
    FLOAT32,
    BFLOAT16
  }
}
