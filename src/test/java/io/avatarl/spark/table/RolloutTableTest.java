package io.avatarl.spark.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.avatarl.S3Server;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.Failure;
import io.avatarl.files.Storage;
import io.avatarl.train.TinyTraining;
import java.util.List;
import org.apache.hadoop.mapreduce.OutputCommitter;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/** What a step's table in an object store asks of its committer. */
@EnabledIf("io.avatarl.S3Server#clientIsHere")
class RolloutTableTest {
  /** As where driver and executors do not see the same files. */
  @Test
  void aCommitThatFindsFewerFilesThanShardsFails() throws Exception {
    try (S3Server server = new S3Server();
        SparkSession spark = TinyTraining.spark("local[1]", server.settingsWithKeys())) {
      JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
      String run = "s3a://" + S3Server.BUCKET + "/run";
      RolloutTable table =
          new RolloutTable(
              context, ConfigReader.read("test", "", List.of("rollout.shards=6")), run);
      Storage storage = new Storage(spark.sparkContext().hadoopConfiguration());
      StepWriter writer = (StepWriter) table.begin(1, "main");
      String part = "part-00000.parquet";
      writer
          .committer()
          .orElseThrow()
          .write(storage, 0, 0, part, new byte[9], OutputCommitter::commitTask);
      String message = assertThrows(Failure.class, () -> table.commit(writer)).getMessage();
      assertEquals(
          run
              + "/rollouts/step=1: 1 of 6 files are there after the commit by fs.s3a.committer.name ="
              + " magic; driver and executors must share its staging folder"
              + " (fs.s3a.committer.staging.tmp.path), or take magic",
          message);
      assertFalse(storage.exists(run + "/rollouts/step=1/_SUCCESS"));
    }
  }
}
