package io.avatarl.spark;

import io.avatarl.config.RolloutConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramModel;
import io.avatarl.rollout.Exploration;
import java.io.Serializable;
import java.util.Optional;

/**
 * What every task of a run needs and never changes; broadcast once.
 *
 * @param run distinguishes runs in one JVM
 */
record RunContext(String run, TrainingConfig config, Corpus corpus, RewardSetup plan)
    implements Serializable {
  int vocabulary() {
    return corpus.tokenizer().vocabularySize();
  }

  /** The n-gram table of an order. */
  NgramModel ngrams(int order) {
    return new NgramModel(plan.counts(), order);
  }

  /** The exploration of a stage of the curriculum. */
  Exploration exploration(int stage) {
    RolloutConfig rollout = config.rollout(stage);
    return Exploration.of(
        rollout,
        vocabulary(),
        rollout.needsNgrams() ? Optional.of(ngrams(rollout.ngramOrder())) : Optional.empty(),
        rollout.needsReferee() ? Optional.of(plan.referee()) : Optional.empty());
  }
}
