package io.avatarl.rollout;

import io.avatarl.config.RolloutConfig;
import io.avatarl.model.Distributions;
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
 * tried completely, with weights π. The arrivals are drawn one after another: if the rates of the
 * tokens still to come sum to R, the next one arrives after an exponential time of rate R and is
 * token a with probability q(a)/R. That takes 2 K random numbers, not V.
 *
 * @param samples K
 */
record SampledExploration(RolloutConfig.Draw draw, int vocabulary, int samples, Proposal proposal)
    implements Exploration {
  @Override
  public Groups explore(ExplorationInput input) {
    Distributions distributions = input.distributions();
    boolean distinct = draw == RolloutConfig.Draw.WITHOUT_REPLACEMENT;
    int k = distinct ? Math.min(samples, vocabulary) : samples;
    int[] actions = new int[distributions.states() * k];
    double[] chances = new double[actions.length]; // how often each is expected in the group
    double[] other = new double[vocabulary];
    TokenRace race = new TokenRace(vocabulary);
    distributions.forEach(
        proposal.temperature(),
        (first, count, probabilities) -> {
          for (int i = 0; i < count; i++) {
            int g = first + i;
            proposal.fill(input.rows(), g, probabilities, i * vocabulary, other, race.rates());
            race.begin();
            if (distinct) {
              drawDistinct(input.random(), race, k, g * k, actions, chances);
            } else {
              drawEach(input.random(), race, k, g * k, actions, chances);
            }
          }
        });
    float[] logProbs = distributions.logProbs(actions);
    float[] weights = new float[actions.length];
    for (int i = 0; i < weights.length; i++) {
      boolean policyItself = !distinct && proposal.isPolicy();
      weights[i] =
          policyItself
              ? 1f / k
              : chances[i] == 0 ? 0f : (float) (Math.exp(logProbs[i]) / chances[i]);
    }
    return Groups.ofWindows(
        input.rows(),
        k,
        distinct ? Groups.Draw.WITHOUT_REPLACEMENT : Groups.Draw.INDEPENDENT,
        actions,
        weights,
        logProbs);
  }

  private static void drawEach(
      RandomGenerator random, TokenRace race, int k, int from, int[] actions, double[] chances) {
    for (int i = from; i < from + k; i++) {
      actions[i] = race.at(random.nextDouble() * race.total());
      chances[i] = k * race.rates()[actions[i]] / race.total();
    }
  }

  /** Ascending. What has no probability fills up a group that would be too short. */
  private static void drawDistinct(
      RandomGenerator random, TokenRace race, int k, int from, int[] actions, double[] chances) {
    double time = 0;
    int end = from;
    while (end < from + k && race.total() > 0) {
      time += exponential(random) / race.total();
      int token = race.at(random.nextDouble() * race.total());
      insert(from, end++, token, race.rates()[token], actions, chances);
      race.remove(token);
    }
    double next =
        race.total() > 0 ? time + exponential(random) / race.total() : Double.POSITIVE_INFINITY;
    for (int i = from; i < end; i++) {
      chances[i] = -Math.expm1(-chances[i] * next);
    }
    for (int token = 0; end < from + k; token++) {
      if (Arrays.binarySearch(actions, from, end, token) < 0) {
        insert(from, end++, token, 0, actions, chances);
      }
    }
  }

  /** Into the ascending actions [from, end). */
  private static void insert(
      int from, int end, int token, double chance, int[] actions, double[] chances) {
    int i = end;
    for (; i > from && actions[i - 1] > token; i--) {
      actions[i] = actions[i - 1];
      chances[i] = chances[i - 1];
    }
    actions[i] = token;
    chances[i] = chance;
  }

  /** A time of rate 1, never 0: a time of 0 would have no weight. */
  private static double exponential(RandomGenerator random) {
    return -Math.log(((random.nextLong() >>> 11) + 0.5) * 0x1p-53);
  }
}
