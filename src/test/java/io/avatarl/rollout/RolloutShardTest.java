package io.avatarl.rollout;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.model.Distributions;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class RolloutShardTest {
  /** Two windows of context 3: 10 11 12 | 13 and 20 21 22 | 23; two actions in each group. */
  private static Groups sampled() {
    return TestGroups.ofWindows(
        2,
        new int[] {10, 11, 12, 13, 20, 21, 22, 23},
        2,
        true,
        new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
        new float[] {.5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f},
        new float[] {-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, Float.NEGATIVE_INFINITY});
  }

  @Test
  void groupsAreThePrefixesOfTheirWindows() {
    Groups groups = sampled();
    assertEquals(6, groups.count());
    int[] gold = {11, 12, 13, 21, 22, 23};
    int[] last = {10, 11, 12, 20, 21, 22};
    int[] length = {1, 2, 3, 1, 2, 3};
    for (int g = 0; g < 6; g++) {
      assertEquals(gold[g], groups.gold(g));
      assertEquals(last[g], groups.tokens()[groups.lastTokenIndex(g)]);
      assertEquals(length[g], groups.stateLength(g));
      assertEquals(2 * g, groups.action(g, 0));
      assertEquals(2 * g + 1, groups.action(g, 1));
    }
  }

  @Test
  void travelsWhole() throws Exception {
    Groups groups = sampled();
    float[] advantages = new float[12];
    advantages[3] = Float.NaN;
    advantages[5] = -0f;
    float[] reference = {-1, -2, Float.NEGATIVE_INFINITY};
    RolloutStatistics statistics =
        new RolloutStatistics(6, 12, 1.5, 7, 2.5, -8.5, 9.5, 3, 4, 0.5, 5, 5.5, 6.5, 7.5);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(new RolloutShard(7, groups, advantages, reference, statistics));
    }
    RolloutShard read;
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      read = (RolloutShard) in.readObject();
    }
    assertEquals(7, read.shard());
    assertEquals(2, read.groups().windows());
    assertEquals(3, read.groups().context());
    assertEquals(0, read.groups().first());
    assertEquals(2, read.groups().actionsPerGroup());
    assertTrue(read.groups().sampled());
    assertArrayEquals(groups.tokens(), read.groups().tokens());
    assertArrayEquals(groups.actions(), read.groups().actions());
    assertArrayEquals(groups.weights(), read.groups().weights());
    assertArrayEquals(groups.logProbs(), read.groups().logProbs());
    assertArrayEquals(advantages, read.advantages());
    assertArrayEquals(reference, read.reference());
    assertEquals(statistics, read.statistics());
    assertEquals(4 * (6 + 12 + 12 + 12 + 12 + 3), read.bytes());
    assertTrue(bytes.size() < read.bytes() + 800, "arrays travel as blocks: " + bytes.size());
  }

  @Test
  void statisticsByHand() {
    // Vocabulary 2, one window 0 1 | 1: the gold token is 1 in both groups.
    float[] logProbs = {
      (float) Math.log(0.75), (float) Math.log(0.25), (float) Math.log(0.5), (float) Math.log(0.5)
    };
    int[] window = {0, 1, 1};
    Groups groups =
        TestGroups.ofWindows(
            1, window, 2, false, new int[0], new float[] {0.75f, 0.25f, 0.5f, 0.5f}, logProbs);
    RolloutStatistics statistics =
        RolloutStatistics.of(
            WindowBatch.of(1, window),
            Distributions.of(logProbs, 2).summary(new int[] {1, 1}),
            groups,
            new float[] {0, 1, 3, 3},
            new float[] {-1, 3, 0, 0});
    assertEquals(2, statistics.groups());
    assertEquals(4, statistics.rollouts());
    assertEquals(0.25 + 3, statistics.reward(), 1e-7);
    double entropy = -0.75 * Math.log(0.75) - 0.25 * Math.log(0.25) + Math.log(2);
    assertEquals(entropy, statistics.entropy(), 1e-6);
    assertEquals(2, statistics.states());
    assertEquals(Math.log(0.25) + Math.log(0.5), statistics.goldLogProb(), 1e-6);
    assertEquals(0.75 + 0.5, statistics.confidence(), 1e-6);
    assertEquals(0, statistics.accuracy(), "the first of equally probable tokens counts");
    assertEquals(1, statistics.degenerate());

    assertTrue(statistics.meanReferenceKl().isEmpty());
    RolloutStatistics twice =
        statistics.withReferenceKl(1.5).timed(1, 2, 3).plus(statistics.timed(3, 4, 5));
    assertEquals(0.75, twice.meanReferenceKl().orElseThrow());
    assertEquals(
        new RolloutStatistics(
            4,
            8,
            2 * statistics.reward(),
            4,
            2 * statistics.entropy(),
            2 * statistics.goldLogProb(),
            2 * statistics.confidence(),
            0,
            2,
            1.5,
            2,
            4,
            6,
            8),
        twice);
    assertEquals(Math.sqrt(8), twice.perplexity(), 1e-5);
    assertEquals(0.625, twice.meanConfidence(), 1e-6);
    assertEquals(0.5, twice.degenerateShare());
    assertEquals(3.25 / 2, twice.meanReward(), 1e-7);
    assertEquals(entropy / 2, twice.meanEntropy(), 1e-6);
    assertEquals(statistics, statistics.plus(RolloutStatistics.NONE));
  }

  @Test
  void accuracyCountsGroupsWhoseLikeliestTokenIsGold() {
    float[] logProbs = {-3, -1, -2, -1, -2, -3, -2, -3, -1};
    int[] window = {0, 1, 2, 2};
    Groups groups = TestGroups.ofWindows(1, window, 3, false, new int[0], new float[9], logProbs);
    RolloutStatistics statistics =
        RolloutStatistics.of(
            WindowBatch.of(1, window),
            Distributions.of(logProbs, 3).summary(new int[] {1, 2, 2}),
            groups,
            new float[9],
            new float[9]);
    assertEquals(2, statistics.accuracy(), "gold 1 2 2, likeliest 1 0 2");
    assertEquals(2 / 3.0, statistics.meanAccuracy());
    assertEquals(3, statistics.degenerate(), "no group has an advantage");
  }

  @Test
  void statisticsOfContinuationsCountComparedEntries() {
    Groups groups = TestGroups.continuations();
    WindowBatch rows = WindowBatch.of(2, new int[] {0, 1, 0, 1, 0, 1});
    float[] even = new float[8];
    java.util.Arrays.fill(even, (float) Math.log(0.5));
    RolloutStatistics statistics =
        RolloutStatistics.of(
            rows,
            Distributions.of(even, 4).summary(rows.golds()),
            groups,
            new float[] {1, 0, 3, 0, 2, 5, 2, 1},
            new float[] {-2, 0, 2, 0, 0, 4, 0, -4});
    assertEquals(4, statistics.groups());
    assertEquals(8, statistics.rollouts());
    assertEquals(4, statistics.states());
    // Means 2, 0, 2 and 3; the second and the third have no advantages.
    assertEquals(7, statistics.reward());
    assertEquals(2, statistics.degenerate());
    assertEquals(2, statistics.perplexity(), 1e-6);
  }

  @Test
  void theLearnerGetsContinuationsRowByRow() {
    Groups groups = TestGroups.continuations();
    int[] last = {1, 2, 4, 5, 7, 8, 10, 11};
    int[] length = {2, 3, 2, 3, 2, 3, 2, 3};
    assertEquals(8, groups.count());
    for (int g = 0; g < 8; g++) {
      assertEquals(last[g], groups.lastTokenIndex(g));
      assertEquals(length[g], groups.stateLength(g));
    }
    Groups apart =
        new RolloutShard(0, groups, new float[8], new float[0], RolloutStatistics.NONE).groups();
    // Each row's state has one action: it weighs 1 in the mean over all rows' states.
    assertArrayEquals(new float[] {1, 1, 1, 1, 1, 1, 1, 1}, apart.weights());
    assertEquals(1, apart.rowsPerContext());
    assertEquals(0.5f, groups.weights()[0], "left as it was");
    assertArrayEquals(groups.tokens(), apart.tokens());
    assertArrayEquals(groups.logProbs(), apart.logProbs());
  }
}
