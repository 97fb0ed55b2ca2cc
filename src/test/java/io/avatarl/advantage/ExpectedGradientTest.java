package io.avatarl.advantage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.AdvantageConfig;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.Groups.Draw;
import io.avatarl.rollout.TestGroups;
import java.util.Arrays;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Policy gradients in expectation: every draw that is possible, with its probability, is given to
 * the estimator; without replacement the time of arrival K + 1 is integrated over numerically. What
 * comes out is compared with the gradient that enumerates all actions.
 */
@Tag("numerical")
class ExpectedGradientTest {
  private static final double[] POLICY = {0.15, 0.6, 0.25};
  private static final double[] TABLE = {0.7, 0.1, 0.2};
  private static final double[] REWARDS = {1, 0.9, 0.8};
  private static final double[] FOUR = {0.05, 0.5, 0.15, 0.3};
  private static final double[] OTHER = {0.4, 0.1, 0.3, 0.2};
  private static final double[] SIGNED = {-2, 1.5, 0.25, -0.5};

  /** Large enough to divide by the floor always, which leaves the numerator to look at. */
  private static final double FLOOR = 1e6;

  private static AdvantageEstimator estimator(String name, double floor) {
    AdvantageConfig.Mean mean =
        switch (name) {
          case "found" -> AdvantageConfig.Mean.FOUND;
          case "censored" -> AdvantageConfig.Mean.CENSORED;
          default -> AdvantageConfig.Mean.WEIGHTED;
        };
    AdvantageConfig.Estimator kind =
        switch (name) {
          case "grpo" -> AdvantageConfig.Estimator.GRPO;
          case "dr-grpo" -> AdvantageConfig.Estimator.DR_GRPO;
          case "reinforce" -> AdvantageConfig.Estimator.REINFORCE;
          default -> AdvantageConfig.Estimator.MAXRL;
        };
    return AdvantageEstimator.of(new AdvantageConfig(kind, mean, floor, floor));
  }

  private static double[] mix(double[] policy, double[] other, double share) {
    double[] q = new double[policy.length];
    for (int v = 0; v < q.length; v++) {
      q[v] = (1 - share) * policy[v] + share * other[v];
    }
    return q;
  }

  private static double mean(double[] policy, double[] values) {
    double mean = 0;
    for (int v = 0; v < policy.length; v++) {
      mean += policy[v] * values[v];
    }
    return mean;
  }

  /** Of E[r] on the logits, all actions enumerated: π (r − E[r]). */
  private static double[] enumerated(double[] policy, double[] rewards) {
    double mean = mean(policy, rewards);
    double[] gradient = new double[policy.length];
    for (int v = 0; v < policy.length; v++) {
      gradient[v] = policy[v] * (rewards[v] - mean);
    }
    return gradient;
  }

  private static double[] scaled(double[] values, double factor) {
    return Arrays.stream(values).map(v -> v * factor).toArray();
  }

  /** One possible draw. */
  private interface Visitor {
    void draw(double probability, int[] actions, double[] weights);
  }

  /** K independent draws from q, in every order. */
  private static void independent(double[] policy, double[] q, int k, Visitor visitor) {
    int draws = (int) Math.pow(q.length, k);
    for (int code = 0; code < draws; code++) {
      int[] actions = new int[k];
      double[] weights = new double[k];
      double probability = 1;
      for (int i = 0, rest = code; i < k; i++, rest /= q.length) {
        actions[i] = rest % q.length;
        weights[i] = policy[actions[i]] / (k * q[actions[i]]);
        probability *= q[actions[i]];
      }
      visitor.draw(probability, actions, weights);
    }
  }

  /**
   * Every set of K tokens, every token that may arrive next, and every time τ at which it does. By
   * the midpoint rule in x = τ / (1 + τ).
   */
  private static void race(double[] policy, double[] q, int k, Visitor visitor) {
    int steps = 1000;
    for (int set = 0; set < 1 << q.length; set++) {
      if (Integer.bitCount(set) != k) {
        continue;
      }
      int members = set;
      int[] actions =
          java.util.stream.IntStream.range(0, q.length)
              .filter(v -> (members >> v & 1) == 1)
              .toArray();
      if (k == q.length) {
        visitor.draw(1, actions, policy);
        return;
      }
      for (int next = 0; next < q.length; next++) {
        if ((set >> next & 1) == 1) {
          continue;
        }
        for (int s = 0; s < steps; s++) {
          double x = (s + 0.5) / steps;
          double tau = x / (1 - x);
          double density = q[next] * Math.exp(-q[next] * tau) / ((1 - x) * (1 - x));
          double[] weights = new double[k];
          for (int v = 0; v < q.length; v++) {
            double arrived = 1 - Math.exp(-q[v] * tau);
            if ((set >> v & 1) == 1) {
              density *= arrived;
            } else if (v != next) {
              density *= 1 - arrived;
            }
          }
          for (int i = 0; i < k; i++) {
            weights[i] = policy[actions[i]] / (1 - Math.exp(-q[actions[i]] * tau));
          }
          visitor.draw(density / steps, actions, weights);
        }
      }
    }
  }

  private static void visit(Draw draw, double[] policy, double[] q, int k, Visitor visitor) {
    if (draw == Draw.INDEPENDENT) {
      independent(policy, q, k, visitor);
    } else {
      race(policy, q, k, visitor);
    }
  }

  /**
   * Σ w A ∇ log π of the first of two groups in expectation; the second is another state's, which
   * gives the centre.
   */
  private static double[] expected(
      AdvantageEstimator estimator,
      Draw draw,
      double[] policy,
      double[] q,
      int k,
      ToDoubleFunction<Integer> reward) {
    double[] gradient = new double[policy.length];
    visit(
        draw,
        policy,
        q,
        k,
        (probability, actions, weights) -> {
          int[] others = new int[k];
          double[] otherWeights = new double[k];
          float[] rewards = new float[2 * k];
          for (int i = 0; i < k; i++) {
            others[i] = i % policy.length;
            otherWeights[i] = 1.0 / k;
            rewards[i] = (float) reward.applyAsDouble(actions[i]);
            rewards[k + i] = 0.3f + i;
          }
          Groups groups =
              TestGroups.drawn(
                  draw,
                  new int[][] {actions, others},
                  new double[][] {weights, otherWeights},
                  policy);
          float[] advantages = estimator.advantages(groups, rewards);
          for (int i = 0; i < k; i++) {
            double term = probability * groups.weights()[i] * advantages[i];
            for (int v = 0; v < policy.length; v++) {
              gradient[v] += term * ((v == actions[i] ? 1 : 0) - policy[v]);
            }
          }
        });
    return gradient;
  }

  @ParameterizedTest
  @CsvSource({
    "INDEPENDENT, 0, 2",
    "INDEPENDENT, 0, 4",
    "INDEPENDENT, 0.5, 2",
    "INDEPENDENT, 0.9, 3",
    "WITHOUT_REPLACEMENT, 0, 2",
    "WITHOUT_REPLACEMENT, 0, 3",
    "WITHOUT_REPLACEMENT, 0.5, 2",
    "WITHOUT_REPLACEMENT, 0.9, 3",
    "WITHOUT_REPLACEMENT, 0.5, 4"
  })
  void everyNumeratorGivesTheEnumeratedGradientWhateverTheSignsOfRewards(
      Draw draw, double mixture, int k) {
    double[] q = mix(FOUR, OTHER, mixture);
    double[] truth = enumerated(FOUR, SIGNED);
    assertArrayEquals(
        truth, expected(estimator("dr-grpo", 0), draw, FOUR, q, k, a -> SIGNED[a]), 2e-5);
    assertArrayEquals(
        truth,
        scaled(expected(estimator("grpo", FLOOR), draw, FOUR, q, k, a -> SIGNED[a]), FLOOR),
        2e-5);
    assertArrayEquals(
        truth, expected(estimator("reinforce", 0), draw, FOUR, q, k, a -> SIGNED[a]), 2e-5);
    // MaxRL is for rewards ≥ 0; a constant changes no numerator.
    assertArrayEquals(
        truth,
        scaled(expected(estimator("maxrl", FLOOR), draw, FOUR, q, k, a -> SIGNED[a] + 2.5), FLOOR),
        2e-5);
  }

  @Test
  void aMixtureDoesNotTurnTheSignOfAnEstimatorsGradient() {
    double[] q = mix(POLICY, TABLE, 0.5);
    double[] truth = enumerated(POLICY, REWARDS);
    assertArrayEquals(new double[] {0.0165, 0.0060, -0.0225}, truth, 1e-12);
    for (Draw draw : new Draw[] {Draw.INDEPENDENT, Draw.WITHOUT_REPLACEMENT}) {
      int k = draw == Draw.INDEPENDENT ? 4 : 2;
      assertArrayEquals(
          truth, expected(estimator("dr-grpo", 0), draw, POLICY, q, k, a -> REWARDS[a]), 1e-5);
    }
    for (String name : new String[] {"grpo", "maxrl"}) {
      double[] gradient =
          expected(estimator(name, 0), Draw.INDEPENDENT, POLICY, q, 4, a -> REWARDS[a]);
      for (int v = 0; v < 3; v++) {
        assertEquals(Math.signum(truth[v]), Math.signum(gradient[v]), name + " " + v);
      }
    }
  }

  @Test
  void withEqualWeightsReinforceClimbsTheCrossEntropyToTheRewards() {
    int[][] all = {{0, 1, 2, 3}};
    double[] equal = {0.25, 0.25, 0.25, 0.25};
    float[] rewards = {1.5f, 0, 0.5f, 0};
    Groups groups = TestGroups.drawn(Draw.ENUMERATED, all, new double[][] {equal}, FOUR);
    float[] advantages = estimator("reinforce", 0).advantages(groups, rewards);
    for (int v = 0; v < 4; v++) {
      double gradient = 0;
      for (int i = 0; i < 4; i++) {
        gradient += groups.weights()[i] * advantages[i] * ((v == i ? 1 : 0) - FOUR[v]);
      }
      // Of (1/n) Σ r log π on the logits: (r − π Σ r) / n.
      assertEquals((rewards[v] - 2 * FOUR[v]) / 4, gradient, 1e-7);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 6})
  void maxRlOfDrawsIsTheExpansionUpToOrderKMinusOne(int k) {
    double p = 0.1;
    double[] policy = {p, 1 - p};
    double[] gradient =
        expected(estimator("maxrl", 0), Draw.INDEPENDENT, policy, policy, k, a -> a == 0 ? 1 : 0);
    double order = 1 - Math.pow(1 - p, k - 1);
    if (k == 4) {
      assertEquals(0.2710, order, 1e-12);
    }
    // ∇ log p = (1 − p, −(1 − p)); K / (K − 1) is the leave-one-out baseline's.
    double share = gradient[0] / (1 - p) * (k - 1) / k;
    assertEquals(order, share, 1e-6);
  }

  @ParameterizedTest
  @CsvSource({
    "INDEPENDENT, 0, 3",
    "INDEPENDENT, 0.5, 4",
    "WITHOUT_REPLACEMENT, 0, 2",
    "WITHOUT_REPLACEMENT, 0.5, 2",
    "WITHOUT_REPLACEMENT, 0.5, 3"
  })
  void foundMassGivesTheWholeGradientOfTheLogarithm(Draw draw, double mixture, int k) {
    for (int gold = 0; gold < 4; gold++) {
      int paid = gold;
      double[] gradient =
          expected(
              estimator("found", 0),
              draw,
              FOUR,
              mix(FOUR, OTHER, mixture),
              k,
              a -> a == paid ? 0.7 : 0);
      double[] logarithm = new double[4];
      for (int v = 0; v < 4; v++) {
        logarithm[v] = (v == gold ? 1 : 0) - FOUR[v];
      }
      assertArrayEquals(logarithm, gradient, 2e-4, "gold " + gold);
    }
  }

  /** log of the probability that a policy with these logits gives to what a try has shown. */
  private static double shown(double[] logits, int[] tried, int gold) {
    double total = 0;
    double untried = 0;
    for (int v = 0; v < logits.length; v++) {
      int token = v;
      total += Math.exp(logits[v]);
      untried += Arrays.stream(tried).anyMatch(a -> a == token) ? 0 : Math.exp(logits[v]);
    }
    boolean hit = Arrays.stream(tried).anyMatch(a -> a == gold);
    return Math.log((hit ? Math.exp(logits[gold]) : untried) / total);
  }

  @ParameterizedTest
  @CsvSource({
    "INDEPENDENT, 0, 3",
    "INDEPENDENT, 0.5, 4",
    "WITHOUT_REPLACEMENT, 0, 2",
    "WITHOUT_REPLACEMENT, 0.5, 2",
    "WITHOUT_REPLACEMENT, 0.5, 3"
  })
  void censoredMassGivesTheScoreOfWhatTheTriesHaveShown(Draw draw, double mixture, int k) {
    double[] q = mix(FOUR, OTHER, mixture);
    double[] logits = Arrays.stream(FOUR).map(Math::log).toArray();
    double[] overGold = new double[4];
    for (int gold = 0; gold < 4; gold++) {
      int paid = gold;
      double[] gradient =
          expected(estimator("censored", 0), draw, FOUR, q, k, a -> a == paid ? 0.7 : 0);
      double[] score = new double[4];
      visit(
          draw,
          FOUR,
          q,
          k,
          (probability, actions, weights) -> {
            for (int v = 0; v < 4; v++) {
              double[] up = logits.clone();
              double[] down = logits.clone();
              up[v] += 1e-4;
              down[v] -= 1e-4;
              score[v] +=
                  probability * (shown(up, actions, paid) - shown(down, actions, paid)) / 2e-4;
            }
          });
      assertArrayEquals(score, gradient, 2e-5, "gold " + gold);
      for (int v = 0; v < 4; v++) {
        overGold[v] += FOUR[gold] * gradient[v];
      }
    }
    // A policy that gives each token the probability with which it is gold stays where it is.
    assertArrayEquals(new double[4], overGold, 2e-5);
  }

  @ParameterizedTest
  @CsvSource({
    "INDEPENDENT, 0, 2",
    "INDEPENDENT, 0.5, 4",
    "WITHOUT_REPLACEMENT, 0, 2",
    "WITHOUT_REPLACEMENT, 0.5, 3",
    "WITHOUT_REPLACEMENT, 0, 4"
  })
  void theVarianceIsThePolicysInExpectation(Draw draw, double mixture, int k) {
    double mean = mean(FOUR, SIGNED);
    double truth = 0;
    for (int v = 0; v < 4; v++) {
      truth += FOUR[v] * (SIGNED[v] - mean) * (SIGNED[v] - mean);
    }
    double[] variance = new double[1];
    visit(
        draw,
        FOUR,
        mix(FOUR, OTHER, mixture),
        k,
        (probability, actions, weights) -> {
          float[] w = new float[k];
          float[] r = new float[k];
          for (int i = 0; i < k; i++) {
            w[i] = (float) weights[i];
            r[i] = (float) SIGNED[actions[i]];
          }
          double std = GroupStatistics.of(w, r, 0, 1, k, draw).std();
          variance[0] += probability * std * std;
        });
    assertEquals(truth, variance[0], 1e-4);
  }

  @Test
  void allActionsDrawnWithoutReplacementAreTheEnumeratedGroup() {
    int[][] all = {{0, 1, 2, 3}, {0, 1, 2, 3}};
    double[][] weights = {FOUR, FOUR};
    float[] rewards = {-2, 1.5f, 0.25f, -0.5f, 1, 2, 3, 4};
    for (String name : new String[] {"dr-grpo", "grpo", "maxrl"}) {
      assertArrayEquals(
          estimator(name, 0)
              .advantages(TestGroups.drawn(Draw.ENUMERATED, all, weights, FOUR), rewards),
          estimator(name, 0)
              .advantages(TestGroups.drawn(Draw.WITHOUT_REPLACEMENT, all, weights, FOUR), rewards),
          1e-5f,
          name);
    }
  }

  @Test
  void aConstantAddedToAllRewardsChangesNothingWhateverTheWeightsSumTo() {
    Random random = new Random(5);
    for (int n = 0; n < 500; n++) {
      Draw draw = n % 2 == 0 ? Draw.INDEPENDENT : Draw.WITHOUT_REPLACEMENT;
      int[][] actions = {{0, 1, 2}, {1, 2, 3}};
      double[][] weights = new double[2][3];
      float[] rewards = new float[6];
      float[] shifted = new float[6];
      float constant = 8 * (random.nextFloat() - 0.5f);
      for (int i = 0; i < 6; i++) {
        weights[i / 3][i % 3] = 0.05 + 2 * random.nextDouble();
        rewards[i] = random.nextFloat() - 0.5f;
        shifted[i] = rewards[i] + constant;
      }
      Groups groups = TestGroups.drawn(draw, actions, weights, FOUR);
      for (String name : new String[] {"dr-grpo", "grpo"}) {
        float[] before = estimator(name, 0).advantages(groups, rewards);
        float[] after = estimator(name, 0).advantages(groups, shifted);
        for (int i = 0; i < 6; i++) {
          assertEquals(before[i], after[i], 2e-4 * (1 + Math.abs(before[i])), name + " " + draw);
        }
      }
    }
  }

  @Test
  void anEntryOfNearlyAllTheWeightIsComparedWithTheOthersAlone() {
    int[][] actions = {{0, 1, 2}};
    double[][] weights = {{1e6, 1e-6, 3e-6}};
    Groups groups = TestGroups.drawn(Draw.INDEPENDENT, actions, weights, FOUR);
    float[] advantages = estimator("dr-grpo", 0).advantages(groups, new float[] {5, 1, 2});
    assertEquals(5 - 1.75, advantages[0], 1e-5);
    assertTrue(Math.abs(advantages[1] - (1 - 5)) < 1e-5, Arrays.toString(advantages));
  }
}
