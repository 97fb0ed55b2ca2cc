package io.avatarl.spark;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramModel;
import io.avatarl.reward.Rewards;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What every task of a run needs and never changes; broadcast once.
 *
 * @param run distinguishes runs in one JVM
 * @param counts n-grams of the training split
 * @param stages reward weights of each stage of the curriculum
 */
record RunContext(
    String run,
    TrainingConfig config,
    Corpus corpus,
    NgramCounts counts,
    Rewards rewards,
    List<Map<String, Double>> stages)
    implements Serializable {
  int vocabulary() {
    return corpus.tokenizer().vocabularySize();
  }

  /** The table that the exploration looks into. */
  Optional<NgramModel> explorationNgrams() {
    return config.rollout().needsNgrams()
        ? Optional.of(new NgramModel(counts, config.rollout().ngramOrder()))
        : Optional.empty();
  }
}
