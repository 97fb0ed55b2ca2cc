package io.avatarl.bench;

import io.avatarl.advantage.AdvantageEstimator;
import io.avatarl.config.RolloutConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramKeys;
import io.avatarl.corpus.NgramModel;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.Windows;
import io.avatarl.model.Distributions;
import io.avatarl.model.Policy;
import io.avatarl.reward.CreditAssignment;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.Exploration;
import io.avatarl.rollout.ExplorationInput;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.rollout.WindowBatch;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The rollouts of a shard without Spark: forward pass, exploration, rewards, advantages. */
final class LocalRollouts {
  private static final int LONGEST_ORDER = 5;

  private final TrainingConfig config;
  private final Corpus corpus;
  private final Exploration exploration;
  private final Rewards rewards;
  private final AdvantageEstimator estimator;

  LocalRollouts(TrainingConfig config, Corpus corpus) {
    if (config.rollout().needsReferee()) {
      throw new UserError("the bench cannot measure a preset with a referee; name another preset");
    }
    this.config = config;
    this.corpus = corpus;
    int vocabulary = corpus.tokenizer().vocabularySize();
    Map<String, Double> weights = config.reward().allWeights();
    boolean exactOnly =
        weights.entrySet().stream()
            .allMatch(weight -> weight.getValue() == 0 || weight.getKey().equals("exact"));
    boolean tables = !exactOnly || config.rollout().needsNgrams();
    NgramCounts counts =
        NgramCounts.of(
            corpus.train().toArray(),
            vocabulary,
            tables ? Math.min(LONGEST_ORDER, NgramKeys.longestOrder(vocabulary)) : 1);
    this.exploration =
        Exploration.of(
            config.rollout(),
            vocabulary,
            config.rollout().needsNgrams()
                ? Optional.of(new NgramModel(counts, config.rollout().ngramOrder()))
                : Optional.empty(),
            Optional.empty());
    this.rewards =
        new Rewards(
            new Rewards.Sources(config.reward(), corpus, counts, Optional.empty()),
            List.of(weights));
    this.estimator = AdvantageEstimator.of(config.advantage());
  }

  /** A shard with {@code windows} windows. */
  RolloutShard shard(Policy policy, long step, int shard, int windows) {
    WindowBatch rows =
        WindowBatch.of(
            windows,
            Windows.draw(
                corpus.train(),
                config.model().context(),
                windows,
                config.seed(),
                step,
                shard,
                config.shardsPerStep()));
    Groups groups;
    try (Distributions kept = policy.distributions(windows, rows.inputs(), windows)) {
      boolean all = config.rollout().exploration() == RolloutConfig.Exploration.EXHAUSTIVE;
      groups =
          exploration.explore(
              new ExplorationInput(
                  rows,
                  all ? Distributions.of(kept.logProbs(), kept.states()) : kept,
                  policy,
                  RandomStream.of(config.seed(), step, shard, RandomStream.Purpose.EXPLORATION)));
    }
    Map<String, Double> weights = config.reward().allWeights();
    float[] total =
        Rewards.total(rewards.components(groups, weights), weights, config.reward().offset());
    Rewards.scaleGold(groups, total, config.reward());
    CreditAssignment.assign(config.rollout().credit(), groups, total);
    return new RolloutShard(
        shard,
        groups,
        estimator.advantages(groups, total),
        new float[0],
        RolloutStatistics.counts(groups.count(), total.length));
  }
}
