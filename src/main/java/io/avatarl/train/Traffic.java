package io.avatarl.train;

import io.avatarl.spark.PolicyCluster;
import java.util.LinkedHashMap;
import java.util.Map;

/** Bytes that the steps of this process moved between driver and executors. */
final class Traffic {
  private long broadcast;
  private long returned;
  private long steps;
  private long before;

  void add(PolicyCluster.JobCost round) {
    broadcast += round.broadcastBytes();
    returned += round.returnedBytes();
  }

  /** Ends a step; returns the bytes that moved in it. */
  long stepped() {
    steps++;
    long step = broadcast + returned - before;
    before += step;
    return step;
  }

  /**
   * Means per step: {@code broadcast}, the weights that went to each executor, and {@code
   * returned}, the numbers that came back from all tasks.
   */
  Map<String, Long> perStep() {
    Map<String, Long> means = new LinkedHashMap<>();
    means.put("broadcast", broadcast / Math.max(1, steps));
    means.put("returned", returned / Math.max(1, steps));
    return means;
  }
}
