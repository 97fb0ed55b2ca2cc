package io.avatarl.rollout;

import io.avatarl.config.RolloutConfig;
import io.avatarl.corpus.NgramModel;
import java.util.Optional;

/**
 * A few actions per state: the most probable tokens of the policy, of a referee and of an n-gram
 * table, and the gold token, without repetition (avatarl.py, August 2025, "action space"), for
 * vocabularies that are too large to try every token. An entry's weight is π(a) over the sum of π
 * over the group (the policy restricted to it) or, if uniform, one over the group's number of
 * tokens. Groups with fewer distinct tokens are padded with entries of weight 0.
 *
 * @param policyTop most probable tokens of the policy
 * @param refereeTop most probable tokens of the referee, if there is one
 * @param ngramTop most probable tokens of the table
 */
record ActiveExploration(
    int vocabulary,
    int policyTop,
    int refereeTop,
    Optional<FrozenPolicy> referee,
    int ngramTop,
    Optional<NgramModel> ngrams,
    RolloutConfig.Weights weighting)
    implements Exploration {
  @Override
  public Groups explore(ExplorationInput input) {
    WindowBatch rows = input.rows();
    float[] logProbs = input.logProbs();
    int groups = rows.inputs().length;
    int width = Math.min(vocabulary, policyTop + refereeTop + ngramTop + 1);
    int[] actions = new int[groups * width];
    float[] weights = new float[actions.length];
    float[] chosenLogProbs = new float[actions.length];
    double[] scores = new double[vocabulary];
    Optional<float[]> refereeLogProbs = referee.map(r -> r.logProbs(rows));
    for (int g = 0; g < groups; g++) {
      int from = g * width;
      int end = from;
      actions[end++] = rows.golds()[g];
      copy(logProbs, g, scores);
      end = addTop(actions, from, end, width, scores, policyTop);
      if (refereeLogProbs.isPresent()) {
        copy(refereeLogProbs.get(), g, scores);
        end = addTop(actions, from, end, width, scores, refereeTop);
      }
      if (ngrams.isPresent()) {
        int start = g / rows.context() * rows.context();
        ngrams.get().distribution(rows.inputs(), start, g + 1, scores, 0);
        end = addTop(actions, from, end, width, scores, ngramTop);
      }
      double total = 0;
      for (int i = from; i < end; i++) {
        total += Math.exp(logProbs[g * vocabulary + actions[i]]);
      }
      for (int i = from; i < from + width; i++) {
        if (i >= end) {
          actions[i] = actions[from];
        }
        chosenLogProbs[i] = logProbs[g * vocabulary + actions[i]];
        if (i < end) {
          weights[i] =
              switch (weighting) {
                case POLICY -> (float) (Math.exp(chosenLogProbs[i]) / total);
                case UNIFORM -> 1f / (end - from);
              };
        }
      }
    }
    return Groups.ofWindows(rows, width, Groups.Draw.ENUMERATED, actions, weights, chosenLogProbs);
  }

  private static void copy(float[] logProbs, int g, double[] scores) {
    for (int v = 0; v < scores.length; v++) {
      scores[v] = logProbs[g * scores.length + v];
    }
  }

  /**
   * Adds the {@code count} best tokens that are not among actions[from, end); returns the new end.
   * Overwrites the scores.
   */
  private static int addTop(
      int[] actions, int from, int end, int width, double[] scores, int count) {
    int next = end;
    for (int n = 0; n < count && next < from + width; n++) {
      int best = 0;
      for (int v = 1; v < scores.length; v++) {
        if (scores[v] > scores[best]) {
          best = v;
        }
      }
      scores[best] = Double.NEGATIVE_INFINITY;
      boolean known = false;
      for (int i = from; i < next; i++) {
        known |= actions[i] == best;
      }
      if (!known) {
        actions[next++] = best;
      }
    }
    return next;
  }
}
