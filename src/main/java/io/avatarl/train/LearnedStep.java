package io.avatarl.train;

import io.avatarl.evaluation.Scores;
import io.avatarl.learner.UpdateMetrics;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.expressions.GenericRowWithSchema;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** A step's metrics as a row for the caller. */
final class LearnedStep {
  private static final StructType LEARNED =
      new StructType()
          .add("step", DataTypes.LongType, false, "steps done")
          .add("update", DataTypes.LongType, false, "updates done")
          .add("rows", DataTypes.LongType, false, "continuations")
          .add("reward", DataTypes.DoubleType, false, "mean")
          .add("degenerate", DataTypes.DoubleType, false, "share of groups with equal rewards")
          .add("entropy", DataTypes.DoubleType, false, "nats per token, estimated by the sample")
          .add("loss", DataTypes.DoubleType, false, "mean over the updates")
          .add("kl", DataTypes.DoubleType, false, "to the policy that drew, before the last update")
          .add("clip_fraction", DataTypes.DoubleType, false, "mean over the updates")
          .add("reference_kl", DataTypes.DoubleType, false, "mean over the updates")
          .add("kl_weight", DataTypes.DoubleType, false, "in the last update")
          .add("gradient_norm", DataTypes.DoubleType, false, "mean over the updates")
          .add("learning_rate", DataTypes.DoubleType, false, "of the last update")
          .add("policy_version", DataTypes.LongType, false, "before the step")
          .add("staleness", DataTypes.DoubleType, false, "versions the rows are older, on average")
          .add("seconds", DataTypes.DoubleType, false, "with the user's own columns computed");

  private static final StructType EVALUATED =
      new StructType()
          .add("step", DataTypes.LongType, false)
          .add("val_ce", DataTypes.DoubleType, false)
          .add("val_bits_per_character", DataTypes.DoubleType, false)
          .add("val_accuracy", DataTypes.DoubleType, false)
          .add("val_calibration_error", DataTypes.DoubleType, false)
          .add("positions", DataTypes.LongType, false);

  private LearnedStep() {}

  /**
   * @param step done now
   * @param version before it
   */
  static Row row(
      long step,
      ScoredRows rows,
      ContinuationLearner.Learned learned,
      long version,
      double seconds) {
    List<UpdateMetrics> updates = learned.updates();
    UpdateMetrics last = updates.get(updates.size() - 1);
    Object[] values = {
      step,
      last.update(),
      (long) rows.rows().size(),
      rows.meanReward(),
      learned.statistics().degenerateShare(),
      learned.statistics().meanEntropy(),
      mean(updates, UpdateMetrics::loss),
      last.kl(),
      mean(updates, UpdateMetrics::clipFraction),
      mean(updates, UpdateMetrics::referenceKl),
      last.klWeight(),
      mean(updates, UpdateMetrics::gradientNorm),
      last.learningRate(),
      version,
      rows.staleness(version),
      seconds
    };
    return new GenericRowWithSchema(values, LEARNED);
  }

  private static double mean(List<UpdateMetrics> updates, ToDoubleFunction<UpdateMetrics> figure) {
    return updates.stream().mapToDouble(figure).average().orElseThrow();
  }

  static Row evaluated(long step, Scores scores) {
    Object[] values = {
      step,
      scores.crossEntropy(),
      scores.bitsPerCharacter(),
      scores.accuracy(),
      scores.calibrationError(),
      scores.positions()
    };
    return new GenericRowWithSchema(values, EVALUATED);
  }
}
