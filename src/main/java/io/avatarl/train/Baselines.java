package io.avatarl.train;

import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.evaluation.BaselineScores;
import java.util.Map;

/**
 * Scores the models that a run's summary is compared with. Commands pass it in, because training
 * must not call the yardsticks.
 */
@FunctionalInterface
public interface Baselines {
  /** No baselines, for runs whose summary is not used. */
  Baselines NONE = (corpus, counts) -> Map.of();

  /**
   * Scores by name, on the corpus's validation split.
   *
   * @param counts n-grams of the training split
   */
  Map<String, BaselineScores> of(Corpus corpus, NgramCounts counts);
}
