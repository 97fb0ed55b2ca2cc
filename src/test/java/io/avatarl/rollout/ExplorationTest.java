package io.avatarl.rollout;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.KlConfig;
import io.avatarl.config.RolloutConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramModel;
import io.avatarl.corpus.RandomStream;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class ExplorationTest {
  private static Exploration exploration(int vocabulary, String... overrides) {
    return exploration(Optional.empty(), vocabulary, overrides);
  }

  private static Exploration exploration(
      Optional<NgramModel> ngrams, int vocabulary, String... overrides) {
    return Exploration.of(
        ConfigReader.read("", "", List.of(overrides)).rollout(),
        vocabulary,
        ngrams,
        Optional.empty());
  }

  private static float[] logs(double... probabilities) {
    float[] logs = new float[probabilities.length];
    for (int i = 0; i < logs.length; i++) {
      logs[i] = (float) Math.log(probabilities[i]);
    }
    return logs;
  }

  @Test
  void exhaustiveExplorationTriesEveryTokenWeightedByThePolicy() {
    float[] logProbs = logs(0.5, 0.25, 0.25, 0.125, 0.125, 0.75);
    int[] tokens = {2, 0, 1};
    Groups groups =
        exploration(3, "rollout.exploration=exhaustive", "rollout.weights=policy")
            .explore(TestGroups.input(1, tokens, logProbs, new RandomStream(1)));
    assertEquals(3, groups.actionsPerGroup());
    assertEquals(2, groups.count());
    assertFalse(groups.sampled());
    assertEquals(0, groups.actions().length);
    assertEquals(2, groups.action(1, 2));
    assertArrayEquals(logProbs, groups.logProbs());
    assertArrayEquals(
        new float[] {0.5f, 0.25f, 0.25f, 0.125f, 0.125f, 0.75f}, groups.weights(), 1e-7f);
    assertArrayEquals(new int[] {2, 0}, groups.tokens());
    assertArrayEquals(new int[] {0, 1}, groups.golds());
  }

  @Test
  void exhaustiveExplorationCanWeighUniformly() {
    Groups groups =
        exploration(4, "rollout.exploration=exhaustive", "rollout.weights=uniform")
            .explore(
                TestGroups.input(
                    1, new int[] {0, 1}, logs(0.7, 0.1, 0.1, 0.1), new RandomStream(1)));
    assertArrayEquals(new float[] {0.25f, 0.25f, 0.25f, 0.25f}, groups.weights());
    assertFalse(groups.sampled());
  }

  private static final double[][] PROBABILITIES = {
    {0.4, 0.3, 0.15, 0.1, 0.05}, {0.01, 0.01, 0.01, 0.01, 0.96}, {0.2, 0.2, 0.2, 0.2, 0.2}
  };

  private static float[] threeGroups() {
    float[] logProbs = new float[15];
    for (int g = 0; g < 3; g++) {
      System.arraycopy(logs(PROBABILITIES[g]), 0, logProbs, 5 * g, 5);
    }
    return logProbs;
  }

  @Test
  void sampledActionsComeAsOftenAsTheirProbabilitySays() {
    double[][] probabilities = PROBABILITIES;
    float[] logProbs = threeGroups();
    int k = 20_000;
    Exploration exploration = exploration(5, "rollout.exploration=sampled", "rollout.samples=" + k);
    Groups groups =
        exploration.explore(TestGroups.input(1, new int[4], logProbs, new RandomStream(9)));
    assertTrue(groups.sampled());
    assertEquals(k, groups.actionsPerGroup());
    for (int g = 0; g < 3; g++) {
      double[] counts = new double[5];
      for (int i = 0; i < k; i++) {
        int action = groups.action(g, i);
        counts[action]++;
        assertEquals(logProbs[5 * g + action], groups.logProbs()[g * k + i]);
        assertEquals(1f / k, groups.weights()[g * k + i]);
      }
      double chiSquare = 0;
      for (int v = 0; v < 5; v++) {
        double expected = k * probabilities[g][v];
        chiSquare += (counts[v] - expected) * (counts[v] - expected) / expected;
      }
      // One in a thousand with four degrees of freedom.
      assertTrue(chiSquare < 18.47, "group " + g + ": " + Arrays.toString(counts));
    }
    assertArrayEquals(
        groups.actions(),
        exploration
            .explore(TestGroups.input(1, new int[4], logProbs, new RandomStream(9)))
            .actions());
    assertFalse(
        Arrays.equals(
            groups.actions(),
            exploration
                .explore(TestGroups.input(1, new int[4], logProbs, new RandomStream(10)))
                .actions()));
  }

  @Test
  void withoutAMixtureTheDrawsInvertTheCumulativeProbabilities() {
    float[] logProbs = threeGroups();
    int k = 2000;
    Groups groups =
        exploration(5, "rollout.exploration=sampled", "rollout.samples=" + k)
            .explore(TestGroups.input(1, new int[4], logProbs, new RandomStream(4)));
    RandomStream random = new RandomStream(4);
    for (int g = 0; g < 3; g++) {
      for (int i = 0; i < k; i++) {
        double x = random.nextDouble();
        int action = 0;
        while (action < 4 && x >= Math.exp(logProbs[5 * g + action])) {
          x -= Math.exp(logProbs[5 * g + action]);
          action++;
        }
        assertEquals(action, groups.action(g, i));
        assertEquals(1f / k, groups.weights()[g * k + i]);
      }
    }
  }

  /** Values that have nothing to do with the probabilities. */
  private static final double[] VALUES = {3, -1, 4, 10, -5};

  @ParameterizedTest
  @ValueSource(strings = {"uniform", "ngram"})
  void mixtureWeightsMakeSumsEstimateThePolicysExpectations(String proposal) {
    double mixture = 0.4;
    NgramModel table =
        new NgramModel(NgramCounts.of(new int[] {0, 1, 2, 0, 1, 3, 4, 4, 0, 1}, 5, 2), 2);
    Optional<NgramModel> ngrams = proposal.equals("ngram") ? Optional.of(table) : Optional.empty();
    int k = 40_000;
    // Two windows: the state of the fourth group begins anew.
    int[] packed = {2, 0, 1, 3, 4, 2};
    float[] logProbs = Arrays.copyOf(threeGroups(), 20);
    System.arraycopy(logs(PROBABILITIES[0]), 0, logProbs, 15, 5);
    Groups groups =
        exploration(
                ngrams,
                5,
                "rollout.exploration=sampled",
                "rollout.samples=" + k,
                "rollout.mixture=" + mixture,
                "rollout.proposal=" + proposal)
            .explore(TestGroups.input(2, packed, logProbs, new RandomStream(31)));
    int[][] states = {{2}, {2, 0}, {3}, {3, 4}};
    for (int g = 0; g < 4; g++) {
      double[] other = ngrams.map(m -> m.distribution()).orElse(null);
      if (ngrams.isPresent()) {
        other = table.distribution(states[g]);
      }
      double[] policy = PROBABILITIES[g % 3];
      double total = 0;
      double sum = 0;
      double expected = 0;
      double squares = 0;
      for (int v = 0; v < 5; v++) {
        double q = (1 - mixture) * policy[v] + mixture * (other == null ? 0.2 : other[v]);
        expected += policy[v] * VALUES[v];
        squares += policy[v] * policy[v] / q * VALUES[v] * VALUES[v];
      }
      for (int i = g * k; i < (g + 1) * k; i++) {
        int action = groups.actions()[i];
        double q = (1 - mixture) * policy[action] + mixture * (other == null ? 0.2 : other[action]);
        double weight = policy[action] / (k * q);
        assertEquals(weight, groups.weights()[i], 1e-5 * weight);
        assertEquals(logProbs[5 * g + action], groups.logProbs()[i]);
        total += groups.weights()[i];
        sum += groups.weights()[i] * VALUES[action];
      }
      double deviation = Math.sqrt((squares - expected * expected) / k);
      assertEquals(expected, sum, 4 * deviation, "group " + g);
      assertEquals(1, total, 0.02, "group " + g);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0, 1", "0.5, 1", "0, 2", "0.3, 2"})
  void withoutReplacementSumsEstimateThePolicysExpectations(String mixtureAndTemperature) {
    String[] parts = mixtureAndTemperature.split(", ");
    int k = 3;
    int n = 60_000;
    float[] one = logs(PROBABILITIES[0]);
    float[] logProbs = new float[5 * n];
    for (int g = 0; g < n; g++) {
      System.arraycopy(one, 0, logProbs, 5 * g, 5);
    }
    Groups groups =
        exploration(
                5,
                "rollout.exploration=sampled",
                "rollout.draw=without-replacement",
                "rollout.proposal=uniform",
                "rollout.samples=" + k,
                "rollout.mixture=" + parts[0],
                "rollout.temperature=" + parts[1])
            .explore(TestGroups.input(1, new int[n + 1], logProbs, new RandomStream(8)));
    assertEquals(Groups.Draw.WITHOUT_REPLACEMENT, groups.draw());
    double[] sums = new double[2];
    double[] squares = new double[2];
    int[] drawn = new int[5];
    for (int g = 0; g < n; g++) {
      double[] estimate = new double[2];
      for (int i = g * k; i < (g + 1) * k; i++) {
        int action = groups.actions()[i];
        drawn[action]++;
        assertTrue(i == g * k || action > groups.actions()[i - 1], "different actions, ascending");
        assertEquals(one[action], groups.logProbs()[i]);
        assertTrue(groups.weights()[i] >= PROBABILITIES[0][action] * (1 - 1e-6));
        estimate[0] += groups.weights()[i];
        estimate[1] += groups.weights()[i] * VALUES[action];
      }
      for (int j = 0; j < 2; j++) {
        sums[j] += estimate[j] / n;
        squares[j] += estimate[j] * estimate[j] / n;
      }
    }
    double expected = 0;
    for (int v = 0; v < 5; v++) {
      expected += PROBABILITIES[0][v] * VALUES[v];
    }
    assertEquals(1, sums[0], 4 * Math.sqrt((squares[0] - 1) / n));
    assertEquals(expected, sums[1], 4 * Math.sqrt((squares[1] - expected * expected) / n));
    assertTrue(drawn[0] > drawn[4], Arrays.toString(drawn));
  }

  @ParameterizedTest
  @ValueSource(ints = {5, 6, 100})
  void allTokensDrawnWithoutReplacementWeighAsThePolicySays(int samples) {
    Groups groups =
        exploration(
                5,
                "rollout.exploration=sampled",
                "rollout.draw=without-replacement",
                "rollout.samples=" + samples)
            .explore(TestGroups.input(1, new int[4], threeGroups(), new RandomStream(3)));
    assertEquals(5, groups.actionsPerGroup());
    for (int i = 0; i < 15; i++) {
      assertEquals(i % 5, groups.actions()[i]);
      assertEquals(PROBABILITIES[i / 5][i % 5], groups.weights()[i], 1e-6);
    }
  }

  @Test
  void aRareTokenWeighsItsProbabilityOverThatOfBeingDrawn() {
    // Two of three are drawn; 1e-20 of a probability must not be lost in 1 - exp(-q t).
    float[] logProbs = logs(1 - 1e-20, 1e-20, 0);
    Groups groups =
        exploration(
                3,
                "rollout.exploration=sampled",
                "rollout.draw=without-replacement",
                "rollout.samples=2")
            .explore(TestGroups.input(1, new int[2], logProbs, new RandomStream(3)));
    assertArrayEquals(new int[] {0, 1}, groups.actions());
    assertArrayEquals(new float[] {1, 1e-20f}, groups.weights(), 1e-7f, "the third never comes");
  }

  @Test
  void whatHasNoProbabilityIsNeverDrawn() {
    float none = Float.NEGATIVE_INFINITY;
    float[] logProbs = {none, 0, none};
    Groups groups =
        exploration(3, "rollout.exploration=sampled", "rollout.samples=5000")
            .explore(TestGroups.input(1, new int[2], logProbs, new RandomStream(1)));
    assertTrue(Arrays.stream(groups.actions()).allMatch(action -> action == 1));
    // The ends of what a generator can give.
    for (double x : new double[] {0, Math.nextDown(1.0)}) {
      java.util.random.RandomGenerator fixed =
          new java.util.random.RandomGenerator() {
            @Override
            public long nextLong() {
              return x == 0 ? 0 : -1L;
            }
          };
      assertEquals(
          1,
          new SampledExploration(
                  RolloutConfig.Draw.INDEPENDENT, 3, 1, new Proposal(3, 1, 0, Optional.empty()))
              .explore(TestGroups.input(1, new int[2], logProbs, fixed))
              .action(0, 0));
    }
  }

  @Test
  void activeGroupsHoldTheRefereesTopTokens() {
    NativeEngine.load(1);
    int vocabulary = 9;
    TrainingConfig config =
        ConfigReader.read(
            "",
            "model { layers = 1, heads = 1, width = 8, context = 3 }",
            List.of(
                "rollout.exploration=active",
                "rollout.policyTop=0",
                "rollout.ngramTop=0",
                "rollout.refereeTop=2",
                "reward.referee.run=elsewhere"));
    Parameters frozen = Parameters.random(ParameterLayout.of(config.model(), vocabulary), 0.8, 4);
    int[] tokens = {3, 1, 4, 1};
    float[] uniform = new float[3 * vocabulary];
    Arrays.fill(uniform, (float) -Math.log(vocabulary));
    Groups groups =
        Exploration.of(
                config.rollout(),
                vocabulary,
                Optional.empty(),
                Optional.of(new FrozenPolicy(config.model(), vocabulary, frozen.toArray())))
            .explore(TestGroups.input(1, tokens, uniform, new RandomStream(1)));
    assertEquals(3, groups.actionsPerGroup());
    float[] refereeLogProbs;
    try (Policy policy = new Policy(config.model(), frozen)) {
      refereeLogProbs = policy.logProbs(1, new long[] {3, 1, 4});
    }
    for (int g = 0; g < 3; g++) {
      Set<Integer> expected = new HashSet<>(Set.of(groups.gold(g)));
      float[] row = Arrays.copyOfRange(refereeLogProbs, g * vocabulary, (g + 1) * vocabulary);
      float[] sorted = row.clone();
      Arrays.sort(sorted);
      for (int v = 0; v < vocabulary; v++) {
        if (row[v] >= sorted[vocabulary - 2]) {
          expected.add(v);
        }
      }
      Set<Integer> tried = new HashSet<>();
      for (int i = 0; i < 3; i++) {
        tried.add(groups.action(g, i));
      }
      assertEquals(expected, tried);
    }
  }

  @Test
  void activeExplorationByHand() {
    // After 0 the table has seen 3 most often, after 1 nothing but 2.
    NgramModel table = new NgramModel(NgramCounts.of(new int[] {0, 3, 0, 3, 1, 2, 0, 3}, 6, 2), 2);
    float[] logProbs = logs(0.4, 0.3, 0.15, 0.05, 0.05, 0.05, 0.1, 0.05, 0.5, 0.05, 0.2, 0.1);
    Groups groups =
        exploration(
                Optional.of(table),
                6,
                "rollout.exploration=active",
                "rollout.policyTop=2",
                "rollout.ngramTop=1")
            .explore(TestGroups.input(1, new int[] {0, 1, 2}, logProbs, new RandomStream(1)));
    assertFalse(groups.sampled());
    assertEquals(4, groups.actionsPerGroup());
    // Gold 1, the policy's 0 and 1, the table's 3. Then gold 2, the policy's 2 and 4, the table's
    // 2: the group is filled up with two entries that weigh nothing.
    assertArrayEquals(new int[] {1, 0, 3, 1, 2, 4, 2, 2}, groups.actions());
    assertArrayEquals(
        new float[] {0.3f / 0.75f, 0.4f / 0.75f, 0.05f / 0.75f, 0, 0.5f / 0.7f, 0.2f / 0.7f, 0, 0},
        groups.weights(),
        1e-6f);
    for (int i = 0; i < 8; i++) {
      assertEquals(logProbs[i / 4 * 6 + groups.actions()[i]], groups.logProbs()[i]);
    }
    Groups even =
        exploration(
                Optional.of(table),
                6,
                "rollout.exploration=active",
                "rollout.weights=uniform",
                "rollout.policyTop=2",
                "rollout.ngramTop=1")
            .explore(TestGroups.input(1, new int[] {0, 1, 2}, logProbs, new RandomStream(1)));
    assertArrayEquals(groups.actions(), even.actions());
    float third = 1f / 3;
    assertArrayEquals(
        new float[] {third, third, third, 0, 0.5f, 0.5f, 0, 0}, even.weights(), 1e-6f);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 7, 8, 100})
  void activeGroupsHaveDistinctActionsWithTheGoldOne(int top) {
    int vocabulary = 8;
    Random random = new Random(3);
    int[] packed = random.ints(3 * 6, 0, vocabulary).toArray();
    NgramModel table = new NgramModel(NgramCounts.of(packed, vocabulary, 3), 3);
    float[] logProbs = new float[3 * 5 * vocabulary];
    for (int g = 0; g < 15; g++) {
      double[] p = random.doubles(vocabulary, 0.01, 1).toArray();
      double total = Arrays.stream(p).sum();
      System.arraycopy(logs(Arrays.stream(p).map(x -> x / total).toArray()), 0, logProbs, 8 * g, 8);
    }
    Groups groups =
        exploration(
                Optional.of(table),
                vocabulary,
                "rollout.exploration=active",
                "rollout.policyTop=" + top,
                "rollout.ngramTop=" + top)
            .explore(TestGroups.input(3, packed, logProbs, new RandomStream(1)));
    int k = groups.actionsPerGroup();
    assertEquals(Math.min(vocabulary, 2 * top + 1), k);
    for (int g = 0; g < 15; g++) {
      Set<Integer> active = new HashSet<>();
      double sum = 0;
      double mass = 0;
      boolean padding = false;
      for (int i = 0; i < k; i++) {
        float weight = groups.weights()[g * k + i];
        sum += weight;
        padding |= weight == 0;
        assertEquals(padding, weight == 0, "padding comes last");
        if (weight > 0) {
          assertTrue(active.add(groups.action(g, i)), "no action twice");
          mass += Math.exp(logProbs[g * vocabulary + groups.action(g, i)]);
        } else {
          assertEquals(groups.gold(g), groups.action(g, i));
        }
      }
      assertEquals(1, sum, 1e-6);
      assertEquals(groups.gold(g), groups.action(g, 0));
      for (int i = 0; i < active.size(); i++) {
        double p = Math.exp(logProbs[g * vocabulary + groups.action(g, i)]);
        assertEquals(p / mass, groups.weights()[g * k + i], 1e-6);
      }
      if (2 * top + 1 >= vocabulary && top >= vocabulary) {
        assertEquals(vocabulary, active.size());
      }
      assertTrue(active.size() >= Math.min(vocabulary, Math.max(1, top)));
    }
  }

  private static TrainingConfig continuations(String... overrides) {
    List<String> all =
        new java.util.ArrayList<>(
            List.of(
                "model.layers=2",
                "model.heads=2",
                "model.width=8",
                "model.context=6",
                "rollout.exploration=sampled"));
    all.addAll(List.of(overrides));
    return ConfigReader.read("", "", all);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 6})
  void continuationsAreRowsWhoseLogProbabilitiesAreTheModels(int horizon) {
    NativeEngine.load(1);
    int samples = 4;
    TrainingConfig config =
        continuations("rollout.horizon=" + horizon, "rollout.samples=" + samples);
    int vocabulary = 7;
    int[] packed = new Random(2).ints(3 * 7, 0, vocabulary).toArray();
    WindowBatch rows = WindowBatch.of(3, packed);
    Parameters parameters =
        Parameters.random(ParameterLayout.of(config.model(), vocabulary), 0.6, 5);
    try (Policy policy = new Policy(config.model(), parameters)) {
      Groups groups =
          Exploration.of(config.rollout(), vocabulary, Optional.empty(), Optional.empty())
              .explore(new ExplorationInput(rows, new float[0], policy, new RandomStream(6)));
      assertTrue(groups.sampled());
      assertEquals(3 * samples, groups.windows());
      assertEquals(6, groups.context());
      assertEquals(6 - horizon, groups.first());
      assertEquals(samples, groups.rowsPerContext());
      assertEquals(1, groups.actionsPerGroup());
      assertEquals(3 * samples * horizon, groups.count());
      Set<List<Integer>> different = new HashSet<>();
      for (int row = 0; row < 3 * samples; row++) {
        int[] window = Arrays.copyOfRange(packed, row / samples * 7, row / samples * 7 + 7);
        int[] drawn = Arrays.copyOfRange(groups.actions(), row * horizon, (row + 1) * horizon);
        different.add(Arrays.stream(drawn).boxed().toList());
        int[] expected = Arrays.copyOf(window, 6);
        System.arraycopy(drawn, 0, expected, 7 - horizon, horizon - 1);
        assertArrayEquals(
            expected, Arrays.copyOfRange(groups.tokens(), row * 6, (row + 1) * 6), "row " + row);
        assertArrayEquals(
            Arrays.copyOfRange(window, 7 - horizon, 7),
            Arrays.copyOfRange(groups.golds(), row * horizon, (row + 1) * horizon));
      }
      assertTrue(different.size() > samples, "continuations differ");
      float[] chosen =
          ReferenceLogProbs.select(
              KlConfig.Estimator.SAMPLED,
              groups,
              ReferenceLogProbs.policy(policy, groups),
              vocabulary);
      assertArrayEquals(chosen, groups.logProbs(), 1e-4f);
      assertArrayEquals(chosen, ReferenceLogProbs.policyEntries(policy, groups), 1e-5f);
      for (float weight : groups.weights()) {
        assertEquals(0.25f, weight);
      }
    }
  }

  @Test
  void referencesByHand() {
    NgramModel table = new NgramModel(NgramCounts.of(new int[] {0, 1, 2, 0, 1, 1}, 3, 3), 3);
    Groups groups =
        new Groups(
            2,
            3,
            1,
            2,
            new int[] {0, 1, 2, 0, 1, 1},
            new int[4],
            1,
            Groups.Draw.INDEPENDENT,
            new int[] {2, 0, 1, 1},
            new float[4],
            new float[4]);
    float[] all = ReferenceLogProbs.ngram(table, groups);
    int[][] states = {{0, 1}, {0, 1, 2}, {0, 1}, {0, 1, 1}};
    for (int g = 0; g < 4; g++) {
      double[] expected = table.distribution(states[g]);
      for (int v = 0; v < 3; v++) {
        assertEquals(Math.log(expected[v]), all[3 * g + v], 1e-6);
      }
    }
    assertArrayEquals(
        new float[] {all[2], all[3], all[7], all[10]},
        ReferenceLogProbs.select(KlConfig.Estimator.SAMPLED, groups, all, 3));
    assertArrayEquals(
        new float[] {all[2], all[3], all[7], all[10]},
        ReferenceLogProbs.ngramEntries(table, groups));
    assertArrayEquals(all, ReferenceLogProbs.select(KlConfig.Estimator.FULL, groups, all, 3));
    assertNotEquals(all[1], all[10]);
    float[] policy = {(float) Math.log(.5), (float) Math.log(.5), Float.NEGATIVE_INFINITY};
    float[] reference = {(float) Math.log(.25), (float) Math.log(.5), (float) Math.log(.25)};
    assertEquals(.5 * Math.log(2), ReferenceLogProbs.kl(policy, reference), 1e-6);
  }
}
