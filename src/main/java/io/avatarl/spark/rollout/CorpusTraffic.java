package io.avatarl.spark.rollout;

import java.io.Serializable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.LongAccumulator;

/**
 * Counts the blocks that tasks read of a corpus in a remote token folder; each costs a request or
 * two.
 *
 * @param fetched from the store
 * @param found on local disk
 */
record CorpusTraffic(LongAccumulator fetched, LongAccumulator found) implements Serializable {
  static CorpusTraffic of(JavaSparkContext spark) {
    return new CorpusTraffic(spark.sc().longAccumulator(), spark.sc().longAccumulator());
  }

  /** Called in a task: adds what its JVM has read since the last report. */
  void report() {
    long[] blocks = ExecutorState.OF_THIS_JVM.unreportedBlocks();
    fetched.add(blocks[0]);
    found.add(blocks[1]);
  }
}
