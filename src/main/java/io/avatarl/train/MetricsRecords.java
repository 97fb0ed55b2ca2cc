package io.avatarl.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.evaluation.Scores;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.rollout.PolicyCluster;
import java.util.List;

/** The kinds of records in {@link MetricsLog}. Their steps count from 1. */
final class MetricsRecords {
  private static final ObjectMapper JSON = new ObjectMapper();

  private MetricsRecords() {}

  /** An empty record of a kind. */
  static ObjectNode record(String kind, long step) {
    return JSON.createObjectNode().put("kind", kind).put("step", step);
  }

  /**
   * An update.
   *
   * @param stage name of the curriculum's stage
   * @param s statistics of the round that its groups are from
   * @param version of the policy that explored
   * @param job of that round
   */
  static ObjectNode update(
      long step,
      String stage,
      UpdateMetrics update,
      RolloutStatistics s,
      long version,
      PolicyCluster.JobCost job) {
    return record("update", step)
        .put("update", update.update())
        .put("stage", stage)
        .put("loss", update.loss())
        .put("reward", s.meanReward())
        .put("entropy", s.meanEntropy())
        .put("accuracy", s.meanAccuracy())
        .put("confidence", s.meanConfidence())
        .put("perplexity", s.perplexity())
        .put("degenerate", s.degenerateShare())
        .put("gradient_norm", update.gradientNorm())
        .put("clip_fraction", update.clipFraction())
        .put("kl", update.kl())
        .put("reference_kl", s.meanReferenceKl().orElse(update.referenceKl()))
        .put("kl_weight", update.klWeight())
        .put("learning_rate", update.learningRate())
        .put("policy_version", version)
        .put("broadcast_bytes", job.broadcastBytes())
        .put("returned_bytes", job.returnedBytes())
        .put("seconds", update.seconds());
  }

  /**
   * An update on continuations of prompts, which have no gold tokens.
   *
   * @param reward mean reward of the continuations
   * @param rows number of rows in the step
   * @param version of the policy before the step
   * @param staleness by how many versions the rows are older, on average
   */
  static ObjectNode learned(
      long step,
      UpdateMetrics update,
      RolloutStatistics s,
      double reward,
      long rows,
      long version,
      double staleness) {
    ObjectNode record =
        update(step, "main", update, s, version, new PolicyCluster.JobCost(0, 0, 0, 0));
    record.remove(List.of("accuracy", "confidence", "perplexity"));
    return record.put("reward", reward).put("rows", rows).put("staleness", staleness);
  }

  /**
   * A validation during training.
   *
   * @param updates done so far
   */
  static ObjectNode evaluation(long step, long updates, Scores scores) {
    return record("evaluation", step)
        .put("update", updates)
        .put("val_ce", scores.crossEntropy())
        .put("val_bits_per_character", scores.bitsPerCharacter())
        .put("val_accuracy", scores.accuracy())
        .put("val_calibration_error", scores.calibrationError())
        .put("positions", scores.positions());
  }

  /** A warning of the {@link HealthMonitor}. */
  static ObjectNode warning(long step, String warning) {
    return record("warning", step).put("warning", warning);
  }
}
