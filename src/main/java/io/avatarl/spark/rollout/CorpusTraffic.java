package io.avatarl.spark.rollout;

import java.io.Serializable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.LongAccumulator;

/**
 * What tasks read of a corpus whose tokens lie in a remote folder: blocks, each a request or two.
 *
 * @param fetched from the store
 * @param found on local disk
 */
record CorpusTraffic(LongAccumulator fetched, LongAccumulator found) implements Serializable {
  static CorpusTraffic of(JavaSparkContext spark) {
    return new CorpusTraffic(spark.sc().longAccumulator(), spark.sc().longAccumulator());
  }

  /** In a task: adds what its JVM read since the last report. */
  void report() {
    long[] blocks = ExecutorState.OF_THIS_JVM.unreportedBlocks();
    fetched.add(blocks[0]);
    found.add(blocks[1]);
  }
}
