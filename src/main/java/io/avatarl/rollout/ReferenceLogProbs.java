package io.avatarl.rollout;

import io.avatarl.config.KlConfig;
import io.avatarl.corpus.NgramModel;
import io.avatarl.model.Policy;
import java.util.Arrays;

/** Log-probabilities of the KL term's reference. */
public final class ReferenceLogProbs {
  private ReferenceLogProbs() {}

  /** An n-gram table's, for every token in every group: [G·V]. */
  public static float[] ngram(NgramModel model, Groups groups) {
    int vocabulary = model.vocabularySize();
    float[] logProbs = new float[Math.multiplyExact(groups.count(), vocabulary)];
    double[] distribution = new double[vocabulary];
    for (int g = 0; g < groups.count(); g++) {
      int last = groups.lastTokenIndex(g);
      model.distribution(
          groups.tokens(), last + 1 - groups.stateLength(g), last + 1, distribution, 0);
      for (int v = 0; v < vocabulary; v++) {
        logProbs[g * vocabulary + v] = (float) Math.log(distribution[v]);
      }
    }
    return logProbs;
  }

  /** A policy's, for every token in every group: [G·V]. */
  public static float[] policy(Policy policy, Groups groups) {
    long[] inputs = new long[groups.tokens().length];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = groups.tokens()[i];
    }
    return policy.logProbs(groups.windows(), inputs, groups.first());
  }

  /** Of an n-gram table, for the actions of every group: [G·K]. */
  public static float[] ngramEntries(NgramModel model, Groups groups) {
    float[] logProbs = new float[groups.actions().length];
    int k = groups.actionsPerGroup();
    for (int i = 0; i < logProbs.length; i++) {
      int end = groups.lastTokenIndex(i / k) + 1;
      int start = end - groups.stateLength(i / k);
      logProbs[i] =
          (float) Math.log(model.probability(groups.actions()[i], groups.tokens(), start, end));
    }
    return logProbs;
  }

  /** Of a policy, for the actions of every group: [G·K]. */
  public static float[] policyEntries(Policy policy, Groups groups) {
    return policy.logProbs(
        groups.windows(),
        Arrays.stream(groups.tokens()).asLongStream().toArray(),
        groups.first(),
        groups.actions());
  }

  /**
   * The exact Σ over groups of KL(policy ‖ reference), in nats.
   *
   * @param policy log-probabilities of every token, [G·V]
   * @param reference the reference's log-probabilities, [G·V], all finite
   */
  public static double kl(float[] policy, float[] reference) {
    double sum = 0;
    for (int i = 0; i < policy.length; i++) {
      double probability = Math.exp(policy[i]);
      sum += probability == 0 ? 0 : probability * (policy[i] - reference[i]);
    }
    return sum;
  }

  /**
   * Selects what the learner needs of a reference.
   *
   * @param logProbs of every token in every group, [G·V]
   * @return the same, or for the sampled estimator those of the actions, [G·K]
   */
  public static float[] select(
      KlConfig.Estimator estimator, Groups groups, float[] logProbs, int vocabulary) {
    if (estimator == KlConfig.Estimator.FULL) {
      return logProbs;
    }
    int k = groups.actionsPerGroup();
    float[] selected = new float[groups.count() * k];
    for (int g = 0; g < groups.count(); g++) {
      for (int i = 0; i < k; i++) {
        selected[g * k + i] = logProbs[g * vocabulary + groups.action(g, i)];
      }
    }
    return selected;
  }
}
