package io.avatarl.yardstick;

import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramModel;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.evaluation.BaselineScores;
import io.avatarl.evaluation.Scores;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Witten–Bell n-gram models of order 1 to 5 (fewer if the vocabulary is large) as yardsticks,
 * counted in the training split.
 */
public final class NgramBaselines {
  private static final List<String> NAMES =
      List.of("unigram", "bigram", "trigram", "4-gram", "5-gram");

  private NgramBaselines() {}

  /**
   * Each model's scores by its name, lowest order first.
   *
   * @param counts of the training split, as far as order 5 or as its vocabulary allows
   */
  public static Map<String, BaselineScores> of(Corpus corpus, NgramCounts counts) {
    return of(counts, corpus.validation(), corpus.tokenizer());
  }

  /**
   * As above, on any text.
   *
   * @param tokens of the text
   */
  public static Map<String, BaselineScores> of(
      NgramCounts counts, int[] tokens, Tokenizer tokenizer) {
    int[] perToken = tokenizer.characters();
    long characters = Arrays.stream(tokens).mapToLong(token -> perToken[token]).sum();
    Map<String, BaselineScores> baselines = new LinkedHashMap<>();
    for (int order = 1; order <= Math.min(NAMES.size(), counts.order()); order++) {
      NgramModel.Evaluation figures = new NgramModel(counts, order).evaluate(tokens);
      double bits =
          Scores.bitsPerCharacter(figures.crossEntropy(), figures.positions(), characters);
      baselines.put(
          NAMES.get(order - 1),
          new BaselineScores(figures.crossEntropy(), bits, figures.accuracy()));
    }
    return baselines;
  }
}
