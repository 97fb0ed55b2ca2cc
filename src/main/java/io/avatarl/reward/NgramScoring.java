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

  /** [G·K]. */
  static float[] perAction(NgramModel model, Groups groups, Value value) {
    int k = groups.actionsPerGroup();
    float[] values = new float[groups.count() * k];
    double[] distribution = new double[model.vocabularySize()];
    for (int g = 0; g < groups.count(); g++) {
      int last = groups.lastTokenIndex(g);
      model.distribution(
          groups.tokens(), last + 1 - groups.stateLength(g), last + 1, distribution, 0);
      for (int i = 0; i < k; i++) {
        values[g * k + i] =
            (float) value.of(distribution[groups.action(g, i)], groups.logProbs()[g * k + i]);
      }
    }
    return values;
  }
}
