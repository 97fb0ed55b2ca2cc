package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.CorpusConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.spark.Rollouts;
import io.avatarl.spark.ngram.NgramCounter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What administrators set in {@code spark-defaults.conf}: the same weights, figures and tables.
 * Besides these, {@code LocalClusterTest} has dynamic allocation with shuffle tracking and
 * executors that are killed, {@code KryoTest} the serializer, {@code ClusterFaultsTest} a small
 * {@code maxResultSize}, and {@code ClusterIT} speculation and killed workers.
 */
class AdministratorsSettingsTest {
  private static final String EXECUTORS = "learner.placement=executors";

  @TempDir static Path folder;
  private static Path corpus;
  private static Map<String, String> expected;
  private static List<String> progress;
  private static NgramCounts ngrams;

  @BeforeAll
  static void train() throws IOException {
    corpus = TinyTraining.corpus(folder);
    try (SparkSession spark = FinishedRun.spark()) {
      Path run = folder.resolve("usual");
      Summary summary = TinyTraining.train(spark, corpus, run, EXECUTORS);
      expected = ClusterRun.figures(spark, run, summary);
      progress = progress(spark, run);
      ngrams = ngrams(spark);
    }
  }

  private static List<String> progress(SparkSession spark, Path run) {
    Rollouts.registerViews(spark, run.toString());
    return TinyTraining.sorted(
        // Sums of doubles depend on their order.
        spark.sql(
            "SELECT step, groups, round(accuracy, 9), round(mean_reward, 9), round(entropy, 9)"
                + " FROM progress"));
  }

  /** Half of the text, so that a job counts. */
  private static NgramCounts ngrams(SparkSession spark) throws IOException {
    CorpusConfig config = ConfigReader.read("", "", List.of("corpus.ngramSample=10kB")).corpus();
    return NgramCounter.count(spark, Corpus.of("play", Files.readAllBytes(corpus), 0.1), config);
  }

  private void assertSameOnACluster(String name, Map<String, String> settings) throws Exception {
    Map<String, String> said =
        ClusterRun.of("local-cluster[2,1,1024]", settings, corpus, folder.resolve(name), EXECUTORS);
    expected.forEach((key, value) -> assertEquals(value, said.get(key), key));
    if (settings.containsKey(ClusterTrouble.KILL)) {
      assertTrue(Integer.parseInt(said.get("removed")) > 0, said.toString());
    }
  }

  @Test
  void encryptionCompressionAndLimits() throws Exception {
    Map<String, String> settings = new HashMap<>();
    settings.put("spark.authenticate", "true");
    settings.put("spark.authenticate.secret", "of the cluster");
    settings.put("spark.network.crypto.enabled", "true");
    settings.put("spark.io.encryption.enabled", "true");
    settings.put("spark.io.compression.codec", "zstd");
    settings.put("spark.rdd.compress", "true");
    settings.put("spark.checkpoint.compress", "true");
    settings.put("spark.driver.maxResultSize", "4m");
    settings.put("spark.rpc.message.maxSize", "8");
    settings.put("spark.broadcast.blockSize", "64k");
    settings.put("spark.task.reaper.enabled", "true");
    settings.put("spark.excludeOnFailure.enabled", "true");
    settings.put("spark.locality.wait", "0");
    settings.put("spark.scheduler.mode", "FAIR");
    settings.put("spark.shuffle.compress", "false");
    settings.put("spark.memory.offHeap.enabled", "true");
    settings.put("spark.memory.offHeap.size", "16m");
    assertSameOnACluster("encrypted", settings);
  }

  @Test
  void anExecutorThatIsDecommissioned() throws Exception {
    Path mark = Files.createDirectory(folder.resolve("decommission"));
    Map<String, String> settings = new HashMap<>();
    settings.put("spark.decommission.enabled", "true");
    settings.put("spark.storage.decommission.enabled", "true");
    settings.put("spark.storage.decommission.rddBlocks.enabled", "true");
    settings.put("spark.storage.decommission.shuffleBlocks.enabled", "true");
    settings.put("spark.plugins", ClusterTrouble.class.getName());
    settings.put(ClusterTrouble.KILL, mark.toString());
    settings.put(ClusterTrouble.SIGNAL, "PWR");
    assertSameOnACluster("decommissioned", settings);
  }

  /** Settings of SQL, all at once. */
  @Test
  void sqlAsPeopleSetIt() throws Exception {
    Map<String, String> settings = new HashMap<>();
    settings.put("spark.sql.adaptive.enabled", "false");
    settings.put("spark.sql.ansi.enabled", "true");
    settings.put("spark.sql.caseSensitive", "true");
    settings.put("spark.sql.sources.default", "orc");
    settings.put("spark.sql.sources.partitionOverwriteMode", "dynamic");
    settings.put("spark.sql.session.timeZone", "Asia/Kolkata");
    settings.put("spark.sql.parquet.compression.codec", "gzip");
    settings.put("spark.sql.parquet.enableVectorizedReader", "false");
    settings.put("spark.sql.parquet.mergeSchema", "true");
    settings.put("spark.sql.files.maxPartitionBytes", "64k");
    settings.put("spark.sql.files.ignoreCorruptFiles", "true");
    settings.put("spark.sql.codegen.wholeStage", "false");
    settings.put("spark.sql.autoBroadcastJoinThreshold", "-1");
    settings.put("spark.sql.crossJoin.enabled", "false");
    settings.put("spark.sql.execution.arrow.pyspark.enabled", "true");
    settings.put("spark.sql.storeAssignmentPolicy", "ANSI");
    settings.put("spark.sql.legacy.timeParserPolicy", "LEGACY");
    settings.put("spark.sql.mapKeyDedupPolicy", "LAST_WIN");
    settings.put("spark.sql.groupByOrdinal", "false");
    settings.put("spark.sql.shuffle.partitions", "7");
    settings.put("spark.default.parallelism", "7");
    settings.put("spark.speculation", "true");
    settings.put("spark.task.maxFailures", "1");
    settings.put("spark.dynamicAllocation.enabled", "true"); // means nothing to a local master
    try (SparkSession spark = TinyTraining.spark("local[2]", settings)) {
      Path run = folder.resolve("sql");
      Summary summary = TinyTraining.train(spark, corpus, run, EXECUTORS);
      assertEquals(expected, ClusterRun.figures(spark, run, summary));
      assertEquals(progress, progress(spark, run));
      assertEquals(ngrams, ngrams(spark));
    }
  }
}
