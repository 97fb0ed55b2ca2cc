package io.avatarl.train;

import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * N-gram models of order 1 to 5 as yardsticks: Witten–Bell interpolation, counted in the training
 * split.
 */
public final class Baselines {
  private static final List<String> NAMES =
      List.of("unigram", "bigram", "trigram", "4-gram", "5-gram");

  private Baselines() {}

  /**
   * @param ce nats per token on the validation split
   * @param accuracy of the most frequent continuation of the longest context seen
   */
  public record Baseline(double ce, double accuracy) {}

  /** N-grams of the training split, up to the highest order of the baselines. */
  static NgramCounts counts(Corpus corpus) {
    return NgramCounts.of(corpus.train(), corpus.tokenizer().vocabularySize(), NAMES.size());
  }

  /** Each model's figures by its name, lowest order first. */
  public static Map<String, Baseline> of(Corpus corpus) {
    NgramCounts counts = counts(corpus);
    Map<String, Baseline> baselines = new LinkedHashMap<>();
    for (int order = 1; order <= NAMES.size(); order++) {
      NgramModel.Evaluation figures = new NgramModel(counts, order).evaluate(corpus.validation());
      baselines.put(NAMES.get(order - 1), new Baseline(figures.crossEntropy(), figures.accuracy()));
    }
    return baselines;
  }
}
