package io.avatarl.train;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.evaluation.EvaluationWindow;
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
  /** Hears how far an evaluation is. */
  public interface Progress {
    /** For whoever does not look. */
    Progress NONE = (done, of) -> {};

    /** On a thread of Spark's, now and then. */
    void at(long done, long of);
  }

  /** Of the newest weights a cluster was given. */
  static FinalEvaluation of(
      PolicyCluster cluster, TrainingConfig config, Corpus corpus, Progress progress) {
    int tokens = corpus.validation().length;
    int context = config.model().context();
    long consecutive = EvaluationWindow.consecutive(tokens, context).size();
    long all = consecutive + EvaluationWindow.sliding(tokens, context).size();
    return new FinalEvaluation(
        cluster.evaluateConsecutive(done -> progress.at(done, all)),
        cluster.evaluateSliding(done -> progress.at(consecutive + done, all)));
  }

  /** Scores any weights. */
  public static FinalEvaluation of(
      SparkSession spark,
      TrainingConfig config,
      Corpus corpus,
      Parameters parameters,
      Progress progress) {
    try (PolicyCluster cluster =
        PolicyCluster.forEvaluation(
            JavaSparkContext.fromSparkContext(spark.sparkContext()), config, corpus)) {
      cluster.publish(0, parameters.toArray());
      return of(cluster, config, corpus, progress);
    }
  }
}
