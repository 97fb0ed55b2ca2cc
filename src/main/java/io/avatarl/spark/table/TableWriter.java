package io.avatarl.spark.table;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Tokenizer;
import java.io.Serializable;

/** What the tasks of a step write its rollout table with. */
public sealed interface TableWriter extends Serializable permits StepWriter, TableWriter.None {
  /** Of a step whose rollouts are not kept. */
  TableWriter NONE = new None();

  /**
   * Writes a shard, once however often it is called.
   *
   * @param version of the policy that explored
   * @param paid the shard's groups
   * @return seconds it took; 0 where nothing is to be written
   */
  double write(
      TrainingConfig config, Tokenizer tokenizer, int shard, long version, ScoredGroups paid);

  /** Writes nothing. */
  record None() implements TableWriter {
    @Override
    public double write(
        TrainingConfig config, Tokenizer tokenizer, int shard, long version, ScoredGroups paid) {
      return 0;
    }
  }
}
