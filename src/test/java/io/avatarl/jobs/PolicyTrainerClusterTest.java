package io.avatarl.jobs;

import static org.apache.spark.sql.functions.expr;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.avatarl.train.ClusterRun;
import io.avatarl.train.Runs;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The loop as DataFrames with executors in processes of their own. */
class PolicyTrainerClusterTest {
  private static final String RESULT = "RESULT ";

  @TempDir Path folder;

  /** Two steps of the loop; the weights' SHA-256. */
  private static String weights(SparkSession spark, String preset, String corpus, String out) {
    Map<String, Object> settings =
        Map.of("preset", preset, "corpus", corpus, "advantage.estimator", "dr-grpo");
    Dataset<Row> prompts =
        spark
            .createDataset(
                IntStream.range(0, 9).mapToObj(i -> "the " + (char) ('a' + i)).toList(),
                Encoders.STRING())
            .toDF("prompt");
    try (PolicyTrainer policy = PolicyTrainer.initial(spark, settings)) {
      for (int step = 0; step < 2; step++) {
        policy.learn(
            policy
                .rollouts(prompts, 4, 6)
                // A shuffle: what an executor drew, another one scores.
                .repartition(3, expr("rollout"))
                .withColumn("reward", expr("regexp_count(continuation, '[aeiou]')")));
      }
      return Runs.summary(TinyTraining.storage(), policy.save(out)).orElseThrow().weightsSha256();
    }
  }

  /** A driver whose executors are processes of their own. */
  static final class Cluster {
    public static void main(String[] args) throws IOException {
      Map<String, String> settings =
          Map.of("spark.executor.extraClassPath", ClusterRun.classPath());
      try (SparkSession spark = TinyTraining.spark("local-cluster[2,1,1024]", settings)) {
        System.out.println(RESULT + weights(spark, args[0], args[1], args[2]));
      }
    }
  }

  @Test
  void executorsInProcessesOfTheirOwnGiveTheSameBits() throws IOException, InterruptedException {
    String preset = Files.writeString(folder.resolve("tiny.conf"), TinyTraining.PRESET).toString();
    String corpus = TinyTraining.corpus(folder).toString();
    String expected;
    try (SparkSession spark = TinyTraining.spark("local[2]", Map.of())) {
      expected = weights(spark, preset, corpus, folder.resolve("local").toString());
    }
    Path output = folder.resolve("output.txt");
    ClusterRun.driver(
            folder,
            List.of(Cluster.class.getName(), preset, corpus, folder.resolve("cluster").toString()))
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start()
        .waitFor();
    List<String> said = Files.readAllLines(output);
    assertEquals(
        List.of(RESULT + expected),
        said.stream().filter(line -> line.startsWith(RESULT)).toList(),
        () -> String.join("\n", said));
  }
}
