package io.avatarl.evaluation;

import io.avatarl.model.Policy;
import java.util.List;
import java.util.function.IntConsumer;

/** Scores a policy on windows of a text. */
public final class Evaluator {
  private Evaluator() {}

  /**
   * @param tokens the validation split
   * @param characters how many characters begin in each token of the vocabulary, [V]
   * @param batch most windows in one forward pass; windows in a batch have equal length
   * @param done gets the number of windows that each pass has scored
   */
  public static Scores score(
      Policy policy,
      int[] tokens,
      int[] characters,
      List<EvaluationWindow> segments,
      int batch,
      IntConsumer done) {
    Scores scores = new Scores();
    int from = 0;
    while (from < segments.size()) {
      int length = segments.get(from).length();
      int to = from + 1;
      while (to < segments.size() && to - from < batch && segments.get(to).length() == length) {
        to++;
      }
      score(policy, tokens, characters, segments.subList(from, to), length, scores);
      done.accept(to - from);
      from = to;
    }
    return scores;
  }

  private static void score(
      Policy policy,
      int[] tokens,
      int[] characters,
      List<EvaluationWindow> segments,
      int length,
      Scores scores) {
    long[] inputs = new long[segments.size() * length];
    for (int b = 0; b < segments.size(); b++) {
      for (int t = 0; t < length; t++) {
        inputs[b * length + t] = tokens[segments.get(b).start() + t];
      }
    }
    int vocabulary = policy.vocabulary();
    float[] logProbs = policy.logProbs(segments.size(), inputs);
    for (int b = 0; b < segments.size(); b++) {
      EvaluationWindow segment = segments.get(b);
      for (int t = segment.countFrom(); t < length; t++) {
        int gold = tokens[segment.start() + t + 1];
        scores.add(logProbs, (b * length + t) * vocabulary, vocabulary, gold, characters[gold]);
      }
    }
  }
}
