package io.avatarl.train;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.spark.rollout.PolicyCluster;
import io.avatarl.spark.rollout.Prompts;
import io.avatarl.spark.table.NamedRows;
import java.util.Optional;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/**
 * Draws continuations of prompts from a checkpoint into a table. The checkpoint's corpus is not
 * needed.
 *
 * @param config that of the run, with another seed
 * @param step of the checkpoint
 * @param sha256 of its weights, which the rows carry as {@link #WEIGHTS}
 */
public record PromptRollouts(
    TrainingConfig config, Tokenizer tokenizer, Parameters parameters, long step, String sha256) {
  /** The column with the SHA-256 of the weights that drew a row. */
  public static final String WEIGHTS = "weights_sha256";

  /**
   * Reads a checkpoint.
   *
   * @param which {@code newest}, {@code best} or a step
   * @param seed of the draws
   */
  public static PromptRollouts of(Storage storage, String run, String which, long seed) {
    TrainingConfig config = Runs.config(storage, run).withSeed(seed);
    CheckpointFolder checkpoint = CheckpointFolder.find(storage, run, which);
    Tokenizer tokenizer = checkpoint.tokenizer(storage);
    Parameters parameters =
        checkpoint.parameters(
            storage, ParameterLayout.of(config.model(), tokenizer.vocabularySize()));
    return new PromptRollouts(
        config, tokenizer, parameters, checkpoint.step(), parameters.sha256());
  }

  /**
   * Draws and writes; a row is one continuation, see {@link PolicyCluster#continuations}.
   *
   * @param name name of the new table
   * @return number of rows
   */
  public long write(
      SparkSession spark, Dataset<Row> prompts, int samples, int tokens, String name) {
    Prompts read =
        Prompts.of(prompts, tokenizer, config.model().context() - tokens + 1, config.seed(), 0);
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    try (PolicyCluster cluster =
        PolicyCluster.forPrompts(
            JavaSparkContext.fromSparkContext(spark.sparkContext()),
            config,
            Corpus.ofVocabulary(tokenizer),
            Optional.empty(),
            new float[0])) {
      cluster.publish(step * config.roundsPerStep(), parameters.toArray());
      Dataset<Row> drawn =
          cluster
              .continuations(spark, read, samples, tokens, 0)
              .withColumn(WEIGHTS, functions.lit(sha256));
      NamedRows.write(drawn, name);
      return drawn.count();
    }
  }
}
