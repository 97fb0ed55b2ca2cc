package io.avatarl.train;

import io.avatarl.config.CurriculumStage;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.files.Storage;
import io.avatarl.model.Parameters;
import io.avatarl.reward.CustomRewards;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.FrozenPolicy;
import io.avatarl.spark.reward.SqlRewards;
import io.avatarl.spark.rollout.HeldOutRewards;
import io.avatarl.spark.rollout.PolicyCluster;
import io.avatarl.spark.rollout.RewardSetup;
import java.util.List;
import java.util.Optional;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/** What a policy's rollouts in the validation split are paid by the rewards of a configuration. */
public final class HeldOutEvaluation {
  private HeldOutEvaluation() {}

  /**
   * In {@code evaluation.windows} windows, evenly spread over the split, by the exploration and the
   * rewards of the configuration's last stage.
   *
   * @param config with the model that the parameters are of
   * @param counts n-grams of the training split
   */
  public static HeldOutRewards of(
      SparkSession spark,
      Storage storage,
      TrainingConfig config,
      Corpus corpus,
      NgramCounts counts,
      Parameters parameters) {
    List<CurriculumStage> stages = CurriculumStage.of(config);
    CurriculumStage stage = stages.get(stages.size() - 1);
    Rewards.check(config.reward(), List.of(stage.rewards()));
    CustomRewards.tryFunctions(config, corpus);
    Optional<FrozenPolicy> referee = PreparedRun.referee(storage, config, corpus);
    Rewards rewards =
        new Rewards(
            new Rewards.Sources(
                config.reward(), corpus, counts, referee, SqlRewards.of(spark, config, corpus)),
            List.of(stage.rewards()));
    try (PolicyCluster cluster =
        PolicyCluster.forHeldOut(
            JavaSparkContext.fromSparkContext(spark.sparkContext()),
            config,
            corpus,
            new RewardSetup(counts, rewards, referee))) {
      cluster.publish(0, parameters.toArray());
      return cluster.heldOutRewards(stage);
    }
  }
}
