package io.avatarl.train;

import io.avatarl.spark.rollout.PolicyCluster;
import java.util.LinkedHashMap;
import java.util.Map;

/** Bytes that a run's steps moved between driver and executors. */
final class TransferredBytes {
  /**
   * Sums over the complete steps of a run, including those before it was resumed.
   *
   * @param broadcast bytes of weights sent to each executor
   * @param returned bytes of results from all tasks
   */
  record Moved(long broadcast, long returned) {
    static final Moved NOTHING = new Moved(0, 0);

    Moved plus(Moved o) {
      return new Moved(broadcast + o.broadcast, returned + o.returned);
    }

    /** Means per step, by name. */
    Map<String, Long> perStep(long steps) {
      Map<String, Long> means = new LinkedHashMap<>();
      means.put("broadcast", broadcast / Math.max(1, steps));
      means.put("returned", returned / Math.max(1, steps));
      return means;
    }
  }

  private Moved whole;
  private Moved step = Moved.NOTHING;
  private Moved last = Moved.NOTHING;

  /**
   * @param earlier {@link #moved} at the checkpoint
   */
  TransferredBytes(Moved earlier) {
    whole = earlier;
  }

  void add(PolicyCluster.JobCost round) {
    step = step.plus(new Moved(round.broadcastBytes(), round.returnedBytes()));
  }

  /** Ends a step. */
  void stepped() {
    whole = whole.plus(step);
    last = step;
    step = Moved.NOTHING;
  }

  /** Bytes in the last complete step. */
  long lastStep() {
    return last.broadcast + last.returned;
  }

  /** Bytes in all complete steps so far. */
  Moved moved() {
    return whole;
  }
}
