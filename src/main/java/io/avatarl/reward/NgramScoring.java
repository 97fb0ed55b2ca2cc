package io.avatarl.reward;

import io.avatarl.corpus.NgramModel;
import io.avatarl.rollout.Groups;

/** Values of actions that depend on their n-gram probability. */
final class NgramScoring {
  private NgramScoring() {}

  /** A value from the n-gram probability of an action and its log-probability under the policy. */
  interface Value {
    double of(double ngramProbability, double policyLogProb);
  }

  /** From so many tokens of the vocabulary for each action it is faster to look up the actions. */
  private static final int FEW = 16;

  /** [G·K]. */
  static float[] perAction(NgramModel model, Groups groups, Value value) {
    int k = groups.actionsPerGroup();
    float[] values = new float[groups.count() * k];
    boolean few = (long) FEW * k <= model.vocabularySize();
    double[] distribution = new double[few ? 0 : model.vocabularySize()];
    for (int g = 0; g < groups.count(); g++) {
      int end = groups.lastTokenIndex(g) + 1;
      int start = end - groups.stateLength(g);
      if (!few) {
        model.distribution(groups.tokens(), start, end, distribution, 0);
      }
      for (int i = 0; i < k; i++) {
        int action = groups.action(g, i);
        double probability =
            few ? model.probability(action, groups.tokens(), start, end) : distribution[action];
        values[g * k + i] = (float) value.of(probability, groups.logProbs()[g * k + i]);
      }
    }
    return values;
  }
}
