package io.avatarl.rollout;

import io.avatarl.config.RolloutConfig;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * K actions per state, drawn from a {@link Proposal} q, with weights such that E[Σ w f] = Σ π f for
 * every f.
 *
 * <p>The weight of an independent draw is π(a) / (K·q(a)), which is 1/K if q = π.
 *
 * <p>Without replacement, the actions are the first K arrivals of an exponential race, in which
 * token a arrives after an exponential time of rate q(a). (The negative logarithm of these times is
 * log q plus Gumbel noise: the Gumbel-top-k trick.) With τ the time of arrival K + 1, the weight is
 * π(a) / (1 − exp(−q(a)·τ)), that is, π(a) over the probability of arriving before τ (Duffield,
 * Lund and Thorup 2007, "Priority sampling for estimation of arbitrary subset sums"; Kool, van Hoof
 * and Welling 2019, arXiv 1903.06059, section 4.2, κ = −log τ). A vocabulary of at most K tokens is
 * tried completely, with weights π.
 *
 * @param samples K
 */
record SampledExploration(RolloutConfig.Draw draw, int vocabulary, int samples, Proposal proposal)
    implements Exploration {
  @Override
  public Groups explore(ExplorationInput input) {
    float[] logProbs = input.logProbs();
    int groups = logProbs.length / vocabulary;
    boolean distinct = draw == RolloutConfig.Draw.WITHOUT_REPLACEMENT;
    int k = distinct ? Math.min(samples, vocabulary) : samples;
    int[] actions = new int[groups * k];
    float[] chosenLogProbs = new float[actions.length];
    float[] weights = new float[actions.length];
    double[] policy = new double[vocabulary];
    double[] q = new double[vocabulary];
    double[] work = new double[vocabulary];
    double[] sorted = new double[vocabulary];
    for (int g = 0; g < groups; g++) {
      proposal.fill(input.rows(), logProbs, g, policy, work, q);
      if (distinct) {
        race(input.random(), q, work, sorted, policy, k, g * k, actions, weights);
      } else {
        drawEach(input.random(), q, work, policy, k, g * k, actions, weights);
      }
      for (int i = g * k; i < (g + 1) * k; i++) {
        chosenLogProbs[i] = logProbs[g * vocabulary + actions[i]];
      }
    }
    return Groups.ofWindows(
        input.rows(),
        k,
        distinct ? Groups.Draw.WITHOUT_REPLACEMENT : Groups.Draw.INDEPENDENT,
        actions,
        weights,
        chosenLogProbs);
  }

  private void drawEach(
      RandomGenerator random,
      double[] q,
      double[] cumulative,
      double[] policy,
      int k,
      int from,
      int[] actions,
      float[] weights) {
    double sum = 0;
    for (int v = 0; v < vocabulary; v++) {
      sum += q[v];
      cumulative[v] = sum;
    }
    for (int i = from; i < from + k; i++) {
      int action = firstAbove(cumulative, random.nextDouble() * sum);
      actions[i] = action;
      weights[i] = (float) (proposal.isPolicy() ? 1.0 / k : policy[action] / (k * q[action]));
    }
  }

  private void race(
      RandomGenerator random,
      double[] q,
      double[] times,
      double[] sorted,
      double[] policy,
      int k,
      int from,
      int[] actions,
      float[] weights) {
    for (int v = 0; v < vocabulary; v++) {
      // Never 0 and never 1: a time of 0 would give no weight.
      double uniform = ((random.nextLong() >>> 11) + 0.5) * 0x1p-53;
      times[v] = -Math.log(uniform) / q[v]; // infinite if the probability is 0
    }
    System.arraycopy(times, 0, sorted, 0, vocabulary);
    Arrays.sort(sorted);
    double next = k == vocabulary ? Double.POSITIVE_INFINITY : sorted[k];
    double last = sorted[k - 1];
    int end = from;
    for (int v = 0; v < vocabulary && end < from + k; v++) {
      if (times[v] <= last) {
        actions[end] = v;
        double included = q[v] == 0 ? 0 : -Math.expm1(-q[v] * next);
        weights[end] = included == 0 ? 0f : (float) (policy[v] / included);
        end++;
      }
    }
  }

  /**
   * Index of the first entry of an ascending array that is greater than {@code x}, which is less
   * than the last.
   */
  private static int firstAbove(double[] ascending, double x) {
    int low = 0;
    int high = ascending.length - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ascending[middle] > x) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
}
