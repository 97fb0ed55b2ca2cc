package io.avatarl.spark.rollout;

import io.avatarl.advantage.AdvantageEstimator;
import io.avatarl.config.CurriculumStage;
import io.avatarl.config.KlConfig;
import io.avatarl.config.RolloutConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramModel;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.reward.CreditAssignment;
import io.avatarl.reward.Rewards;
import io.avatarl.reward.RolloutOrigin;
import io.avatarl.rollout.Exploration;
import io.avatarl.rollout.Groups;
import io.avatarl.spark.table.ScoredGroups;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What every task of a run needs; never changes and is broadcast once. */
final class RunContext implements Serializable {
  private static final long serialVersionUID = 1;

  private final String run;
  private final TrainingConfig config;
  private final Corpus corpus;
  // An Optional cannot be serialized.
  private final RewardSetup setup;
  private final float[] initial;

  private RunContext(
      String run,
      TrainingConfig config,
      Corpus corpus,
      Optional<RewardSetup> setup,
      float[] initial) {
    this.run = run;
    this.config = config;
    this.corpus = corpus;
    this.setup = setup.orElse(null);
    // Only sent to executors that need them.
    this.initial =
        config.learner().kl().reference() == KlConfig.Reference.INITIAL ? initial : new float[0];
  }

  /**
   * The context of tasks that only evaluate.
   *
   * @param run distinguishes runs in one JVM
   */
  static RunContext forEvaluation(String run, TrainingConfig config, Corpus corpus) {
    return new RunContext(run, config, corpus, Optional.empty(), new float[0]);
  }

  /**
   * The context of all tasks of a training run.
   *
   * @param run distinguishes runs in one JVM
   * @param initial weights that training began with; empty: the random ones of the seed
   */
  static RunContext forTraining(
      String run, TrainingConfig config, Corpus corpus, RewardSetup setup, float[] initial) {
    return new RunContext(run, config, corpus, Optional.of(setup), initial);
  }

  /**
   * The context of tasks that continue prompts and do not score them.
   *
   * @param run distinguishes runs in one JVM
   * @param counts n-grams, if they are the KL term's reference
   * @param initial weights that training began with; empty: the random ones of the seed
   */
  static RunContext forPrompts(
      String run,
      TrainingConfig config,
      Corpus corpus,
      Optional<NgramCounts> counts,
      float[] initial) {
    return new RunContext(
        run,
        config,
        corpus,
        counts.map(
            ngrams ->
                new RewardSetup(
                    ngrams,
                    new Rewards(
                        new Rewards.Sources(config.reward(), corpus, ngrams, Optional.empty()),
                        List.of()),
                    Optional.empty())),
        initial);
  }

  String run() {
    return run;
  }

  TrainingConfig config() {
    return config;
  }

  Corpus corpus() {
    return corpus;
  }

  private RewardSetup setup() {
    return Optional.ofNullable(setup)
        .orElseThrow(() -> new IllegalStateException("made for evaluation alone"));
  }

  int vocabulary() {
    return corpus.tokenizer().vocabularySize();
  }

  /** The weights that training began with. */
  Parameters initial() {
    ParameterLayout layout = ParameterLayout.of(config.model(), vocabulary());
    if (initial.length == 0) {
      return Parameters.initial(config, layout);
    }
    Parameters parameters = new Parameters(layout);
    parameters.set(initial);
    return parameters;
  }

  /** The n-gram table of an order. */
  NgramModel ngrams(int order) {
    return new NgramModel(setup().counts(), order);
  }

  /** Groups with their rewards and advantages in a stage of the curriculum. */
  ScoredGroups score(CurriculumStage stage, Groups groups, RolloutOrigin origin) {
    Map<String, Double> weights = stage.rewards();
    Map<String, float[]> components = setup().rewards().components(groups, origin, weights);
    float[] rewards = Rewards.total(components, weights, config.reward().offset());
    Rewards.scaleGold(groups, rewards, config.reward());
    CreditAssignment.assign(config.rollout().credit(), groups, rewards);
    float[] advantages = AdvantageEstimator.of(config.advantage()).advantages(groups, rewards);
    return new ScoredGroups(groups, components, rewards, advantages);
  }

  /** The exploration of a stage of the curriculum. */
  Exploration exploration(CurriculumStage stage) {
    RolloutConfig rollout = stage.rollout();
    return Exploration.of(
        rollout,
        vocabulary(),
        rollout.needsNgrams() ? Optional.of(ngrams(rollout.ngramOrder())) : Optional.empty(),
        rollout.needsReferee() ? setup().referee() : Optional.empty());
  }
}
