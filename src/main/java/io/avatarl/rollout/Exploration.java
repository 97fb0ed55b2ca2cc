package io.avatarl.rollout;

import io.avatarl.config.RolloutConfig;
import io.avatarl.corpus.NgramModel;
import java.util.Optional;

/** Which actions each group tries. A new exploration is one class and one line in {@link #of}. */
public sealed interface Exploration
    permits ExhaustiveExploration, ActiveExploration, SampledExploration, ContinuationExploration {
  /** Tries actions in every group of the windows. */
  Groups explore(ExplorationInput input);

  /**
   * The exploration the configuration names.
   *
   * @param ngrams present if {@link RolloutConfig#needsNgrams}
   * @param referee present if {@link RolloutConfig#needsReferee}
   */
  static Exploration of(
      RolloutConfig config,
      int vocabulary,
      Optional<NgramModel> ngrams,
      Optional<FrozenPolicy> referee) {
    return switch (config.exploration()) {
      case EXHAUSTIVE -> new ExhaustiveExploration(vocabulary, config.weights());
      case ACTIVE ->
          new ActiveExploration(
              vocabulary,
              config.policyTop(),
              config.refereeTop(),
              referee,
              config.ngramTop(),
              ngrams,
              config.weights());
      case SAMPLED ->
          config.horizon() == 1
              ? new SampledExploration(
                  config.draw(),
                  vocabulary,
                  config.samples(),
                  new Proposal(vocabulary, config.temperature(), config.mixture(), ngrams))
              : new ContinuationExploration(config.samples(), config.horizon());
    };
  }
}
