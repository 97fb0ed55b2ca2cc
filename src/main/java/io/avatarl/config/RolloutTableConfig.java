package io.avatarl.config;

import java.io.Serializable;

/**
 * Which rollouts are kept as a table to look at. Training itself does not depend on it.
 *
 * @param every steps between tables; the first and the last step also have one; 0: no tables
 * @param topActions most probable actions kept of each exhaustive group, besides the gold one; 0:
 *     all
 * @param windows kept of each shard; 0: all
 * @param format of the table
 */
public record RolloutTableConfig(int every, int topActions, int windows, Format format)
    implements Serializable {
  public enum Format {
    PARQUET,
    DELTA
  }

  public RolloutTableConfig {
    Check.range("every", every, 0, 1_000_000_000);
    Check.range("topActions", topActions, 0, 1 << 20);
    Check.range("windows", windows, 0, 1 << 20);
  }

  /**
   * Whether a step's rollouts are kept. The first step's show the untrained policy.
   *
   * @param step from 1
   * @param steps of the whole run
   */
  public boolean due(long step, long steps) {
    return every > 0 && (step % every == 0 || step == 1 || step == steps);
  }
}
