package io.avatarl.config;

import java.io.Serializable;

/**
 * What executors do in a step.
 *
 * @param exploration which actions each group tries
 * @param weights of the actions in an exhaustive or active group: the policy's probabilities
 *     (normalised over an active group), or equal
 * @param samples K, actions per group when sampled
 * @param draw whether the actions of a sampled group are drawn independently or without replacement
 * @param mixture ε, share of the proposal in the distribution that actions are drawn from, with
 *     importance weights
 * @param proposal {@code uniform}, or {@code ngram}: the table of order {@code ngramOrder}
 * @param horizon H, tokens of one rollout; more than 1 only when sampled
 * @param temperature T, actions are drawn from π^(1/T), with importance weights
 * @param credit how a continuation's tokens are rewarded: each with its own reward, or with an even
 *     share of the sum
 * @param policyTop the policy's most probable tokens in an active group
 * @param refereeTop the most probable tokens of {@code reward.referee}'s model in an active group
 * @param ngramTop the n-gram table's most probable tokens in an active group
 * @param ngramOrder order of that table and of the proposal
 * @param windowsPerUpdate windows in one minibatch of the learner
 * @param shards tasks per step; configured rather than derived from the cluster, so that results do
 *     not depend on it
 * @param ahead 1: rollouts of step n+1 run while the learner works on step n, with the weights from
 *     the start of step n; 0: each step waits for the newest weights
 * @param stored a table or path of rollouts with rewards to learn from instead of exploring; empty:
 *     none
 * @param maxStaleness by how many versions scored rows may be older than the policy
 */
public record RolloutConfig(
    Exploration exploration,
    Weights weights,
    int samples,
    Draw draw,
    double mixture,
    Proposal proposal,
    int horizon,
    double temperature,
    Credit credit,
    int policyTop,
    int refereeTop,
    int ngramTop,
    int ngramOrder,
    int windowsPerUpdate,
    int shards,
    int ahead,
    String stored,
    int maxStaleness)
    implements Serializable {
  public enum Exploration {
    EXHAUSTIVE,
    ACTIVE,
    SAMPLED
  }

  public enum Weights {
    POLICY,
    UNIFORM
  }

  public enum Draw {
    INDEPENDENT,
    WITHOUT_REPLACEMENT
  }

  public enum Proposal {
    UNIFORM,
    NGRAM
  }

  public enum Credit {
    TOKEN,
    SEQUENCE
  }

  public RolloutConfig {
    Check.range("samples", samples, 1, 65536);
    Check.that(mixture >= 0 && mixture < 1, "mixture", mixture + " is not in [0, 1)");
    Check.range("horizon", horizon, 1, 65536);
    Check.that(
        horizon == 1 || exploration == Exploration.SAMPLED,
        "horizon",
        horizon + " tokens need rollout.exploration = sampled");
    Check.that(horizon == 1 || mixture == 0, "mixture", mixture + " needs rollout.horizon = 1");
    Check.that(temperature > 0, "temperature", temperature + " is not positive");
    Check.that(
        horizon == 1 || temperature == 1,
        "temperature",
        temperature
            + ": continuations of several tokens are drawn from the policy itself, as their"
            + " weights say;"
            + " set 1, or rollout.horizon = 1");
    Check.that(
        horizon == 1 || draw == Draw.INDEPENDENT,
        "draw",
        "without-replacement needs rollout.horizon = 1");
    Check.that(
        exploration != Exploration.SAMPLED || samples > 1,
        "samples",
        samples + ": a group of one action has nothing to compare it with; set at least 2");
    Check.range("policyTop", policyTop, 0, 1 << 20);
    Check.range("refereeTop", refereeTop, 0, 1 << 20);
    Check.range("ngramTop", ngramTop, 0, 1 << 20);
    Check.range("ngramOrder", ngramOrder, 1, 5);
    Check.range("windowsPerUpdate", windowsPerUpdate, 1, 1 << 20);
    Check.range("shards", shards, 1, 1 << 16);
    Check.range("ahead", ahead, 0, 1);
    Check.range("maxStaleness", maxStaleness, 0, 1_000_000_000);
  }

  /** A copy with rollouts of another length. */
  public RolloutConfig withHorizon(int tokens) {
    return new RolloutConfig(
        exploration,
        weights,
        samples,
        draw,
        mixture,
        proposal,
        tokens,
        temperature,
        credit,
        policyTop,
        refereeTop,
        ngramTop,
        ngramOrder,
        windowsPerUpdate,
        shards,
        ahead,
        stored,
        maxStaleness);
  }

  /** Whether Σ w·f over a group's entries estimates Σ π·f, for every f. */
  public boolean weighsByPolicy() {
    return switch (exploration) {
      case EXHAUSTIVE -> weights == Weights.POLICY;
      case ACTIVE -> false;
      case SAMPLED -> true;
    };
  }

  /** Whether the exploration needs the referee. */
  public boolean needsReferee() {
    return exploration == Exploration.ACTIVE && refereeTop > 0;
  }

  /** Whether the exploration needs an n-gram table. */
  public boolean needsNgrams() {
    return switch (exploration) {
      case EXHAUSTIVE -> false;
      case ACTIVE -> ngramTop > 0;
      case SAMPLED -> mixture > 0 && proposal == Proposal.NGRAM;
    };
  }
}
