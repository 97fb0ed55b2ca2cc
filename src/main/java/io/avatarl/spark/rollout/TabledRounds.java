package io.avatarl.spark.rollout;

import io.avatarl.config.CurriculumStage;
import io.avatarl.spark.table.RolloutTable;
import io.avatarl.spark.table.TableWriter;
import io.avatarl.spark.transport.PolicyBroadcast;
import java.util.Optional;
import java.util.function.Function;

/** Rounds of a step whose tasks may also write the step's rollout table. One thread uses it. */
final class TabledRounds {
  private final Optional<RolloutTable> table;
  private TableWriter writer = TableWriter.NONE; // of the step whose rounds are running

  TabledRounds(Optional<RolloutTable> table) {
    this.table = table;
  }

  /** The results of a round and its times in seconds; see {@link PolicyCluster.JobCost}. */
  record Round<T>(T results, double seconds, double tableSeconds) {
    PolicyCluster.JobCost cost(PolicyBroadcast policy, long returned) {
      return new PolicyCluster.JobCost(seconds, tableSeconds, policy.bytes(), returned);
    }
  }

  /**
   * Runs a round of a step.
   *
   * @param step from 0
   * @param first whether the step's table begins with it
   * @param last whether the step's table is complete after it
   * @param job gets the writer that tasks take along
   */
  <T> Round<T> run(
      long step, CurriculumStage stage, boolean first, boolean last, Function<TableWriter, T> job) {
    long start = System.nanoTime();
    if (first) {
      writer = table.map(t -> t.begin(step + 1, stage.name())).orElse(TableWriter.NONE);
    }
    long begun = System.nanoTime();
    T results = job.apply(writer);
    long collected = System.nanoTime();
    if (last) {
      table.ifPresent(t -> t.commit(writer));
      writer = TableWriter.NONE;
    }
    long end = System.nanoTime();
    return new Round<>(results, (end - start) / 1e9, (begun - start + end - collected) / 1e9);
  }

  /** Discards what an unfinished step has written. */
  void abort() {
    table.ifPresent(t -> t.abort(writer));
  }
}
