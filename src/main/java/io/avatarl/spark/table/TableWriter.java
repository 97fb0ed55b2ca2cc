package io.avatarl.spark.table;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Tokenizer;
import java.io.Serializable;

/** Writes a step's rollout table from its tasks. */
public sealed interface TableWriter extends Serializable permits StepWriter, TableWriter.None {
  /** The writer of a step whose rollouts are not kept. */
  TableWriter NONE = new None();

  /**
   * Writes a shard. Repeated calls have no effect.
   *
   * @param version of the policy that explored
   * @param paid the shard's groups
   * @return seconds it took; 0 if there is nothing to write
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
