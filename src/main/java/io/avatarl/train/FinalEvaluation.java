package io.avatarl.train;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.evaluation.Scores;
import io.avatarl.model.Parameters;
import io.avatarl.spark.rollout.PolicyCluster;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * A policy's scores on the whole validation split.
 *
 * @param consecutive windows end to end
 * @param sliding at least half a context before every counted position
 */
public record FinalEvaluation(Scores consecutive, Scores sliding) {
  /** Scores the newest weights that were published to a cluster. */
  static FinalEvaluation of(PolicyCluster cluster) {
    return new FinalEvaluation(cluster.evaluateConsecutive(), cluster.evaluateSliding());
  }

  /** Scores any weights. */
  public static FinalEvaluation of(
      SparkSession spark, TrainingConfig config, Corpus corpus, Parameters parameters) {
    try (PolicyCluster cluster =
        PolicyCluster.forEvaluation(
            JavaSparkContext.fromSparkContext(spark.sparkContext()), config, corpus)) {
      cluster.publish(0, parameters.toArray());
      return of(cluster);
    }
  }
}
