package io.avatarl.spark.table;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Committer;
import io.avatarl.files.Storage;
import io.avatarl.reward.RolloutOrigin;
import java.util.Optional;
import org.apache.hadoop.mapreduce.OutputCommitter;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.spark.TaskContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.mapred.SparkHadoopMapRedUtil;
import org.apache.spark.util.SerializableConfiguration;

/** Writes the files of one step; {@link RolloutTable} begins and ends it. */
final class StepWriter implements TableWriter {
  private static final long serialVersionUID = 1;

  private final String folder;
  private final long step;
  private final String stage;
  // An Optional cannot be serialized.
  private final Committer committer;
  private final Broadcast<SerializableConfiguration> hadoop;

  /**
   * @param folder to write into
   * @param step from 1
   * @param stage name of the curriculum's stage
   * @param committer of the files; empty: each file is written atomically and stays
   * @param hadoop names the file system and holds its credentials
   */
  StepWriter(
      String folder,
      long step,
      String stage,
      Optional<Committer> committer,
      Broadcast<SerializableConfiguration> hadoop) {
    this.folder = folder;
    this.step = step;
    this.stage = stage;
    this.committer = committer.orElse(null);
    this.hadoop = hadoop;
  }

  String folder() {
    return folder;
  }

  long step() {
    return step;
  }

  Optional<Committer> committer() {
    return Optional.ofNullable(committer);
  }

  @Override
  public double write(
      TrainingConfig config, Tokenizer tokenizer, int shard, long version, ScoredGroups paid) {
    long start = System.nanoTime();
    Storage storage = new Storage(hadoop.value().value());
    String name = String.format("part-%05d.parquet", shard);
    String file = Storage.resolve(folder, name);
    RolloutRows rows =
        new RolloutRows(config, tokenizer, new RolloutOrigin(step, shard, stage, version));
    if (committer != null) {
      int attempt = (int) TaskContext.get().taskAttemptId() & Integer.MAX_VALUE;
      committer.write(
          storage, shard, attempt, name, rows.parquet(paid), StepWriter::commitIfDriverAllows);
    } else if (!storage.exists(file)) {
      storage.writeBytes(file, rows.parquet(paid));
    }
    return (System.nanoTime() - start) / 1e9;
  }

  /** Commits if Spark's driver chose this attempt at the task. */
  private static void commitIfDriverAllows(OutputCommitter committer, TaskAttemptContext context) {
    SparkHadoopMapRedUtil.commitTask(
        committer, context, context.getJobID().getId(), TaskContext.getPartitionId());
  }
}
