package io.avatarl.jobs.maintenance;

import io.avatarl.bench.Benchmark;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.Windows;
import io.avatarl.jobs.PolicyTrainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/** Training by {@link PolicyTrainer} as a benchmark. */
final class DataFrameLoop {
  private DataFrameLoop() {}

  /** Steps of the loop in DataFrames, each with prompts of its own, like the fast loop's. */
  static Benchmark benchmark(
      SparkSession spark,
      TrainingConfig config,
      Corpus corpus,
      PolicyTrainer policy,
      String reward) {
    int prompt = config.model().context() - config.rollout().horizon() + 1;
    int prompts = config.windowsPerStep();
    AtomicLong step = new AtomicLong();
    return Benchmark.repeating(
        () -> {
          int[] windows =
              Windows.draw(
                  corpus.train(), prompt - 1, prompts, config.seed(), step.getAndIncrement(), 0, 1);
          List<String> texts = new ArrayList<>();
          for (int i = 0; i < prompts; i++) {
            int[] tokens = Arrays.copyOfRange(windows, i * prompt, (i + 1) * prompt);
            texts.add(corpus.tokenizer().decode(tokens));
          }
          policy.learn(
              policy
                  .rollouts(spark.createDataset(texts, Encoders.STRING()).toDF("prompt"))
                  .withColumn("reward", functions.expr(reward)));
          return config.groupsPerStep();
        },
        policy::close);
  }
}
