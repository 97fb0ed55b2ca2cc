package io.avatarl.advantage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.ReferenceValues;
import io.avatarl.config.AdvantageConfig;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.TestGroups;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

@Tag("numerical")
class AdvantageEstimatorTest {
  private static final AdvantageEstimator GRPO = of(AdvantageConfig.Estimator.GRPO);
  private static final AdvantageEstimator DR_GRPO = of(AdvantageConfig.Estimator.DR_GRPO);
  private static final AdvantageEstimator MAXRL = of(AdvantageConfig.Estimator.MAXRL);

  private static AdvantageEstimator of(AdvantageConfig.Estimator estimator) {
    return AdvantageEstimator.of(
        new AdvantageConfig(estimator, AdvantageConfig.Mean.WEIGHTED, 0, 0));
  }

  /** As many groups of K actions as the weights fill. */
  private static Groups groups(int k, boolean sampled, float[] weights) {
    int count = weights.length / k;
    return TestGroups.ofWindows(
        1, new int[count + 1], k, sampled, new int[0], weights, new float[weights.length]);
  }

  private static float[] one(
      AdvantageEstimator estimator, boolean sampled, float[] weights, float... rewards) {
    return estimator.advantages(groups(rewards.length, sampled, weights), rewards);
  }

  @TestFactory
  List<DynamicTest> advantagesAreThoseOfPyTorch() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode group : ReferenceValues.read("advantages").get("groups")) {
      tests.add(DynamicTest.dynamicTest(group.get("name").textValue(), () -> check(group)));
    }
    assertEquals(21, tests.size());
    return tests;
  }

  private static void check(JsonNode group) {
    boolean sampled = group.get("sampled").booleanValue();
    float[] weights = ReferenceValues.floats(group.get("weights"));
    float[] rewards = ReferenceValues.floats(group.get("rewards"));
    // Weights are rounded to float32; nearly certain groups multiply that rounding.
    double tolerance = 3e-6;
    // The mean of the others instead of the mean of all: RLOO's K / (K − 1).
    double k = rewards.length;
    double factor = sampled && k > 1 ? k / (k - 1) : 1;
    JsonNode grpo = group.get(sampled ? "grpo_sampled" : "grpo");
    assertAdvantages("grpo", grpo, factor, one(GRPO, sampled, weights, rewards), tolerance);
    assertAdvantages(
        "dr_grpo",
        group.get("dr_grpo"),
        factor,
        one(DR_GRPO, sampled, weights, rewards),
        tolerance);
    assertAdvantages(
        "maxrl", group.get("maxrl"), factor, one(MAXRL, sampled, weights, rewards), tolerance);
  }

  private static void assertAdvantages(
      String what, JsonNode expected, double factor, float[] actual, double tolerance) {
    double[] values = ReferenceValues.doubles(expected);
    for (int i = 0; i < values.length; i++) {
      values[i] *= factor;
    }
    ReferenceValues.assertClose(what, values, actual, tolerance);
    for (int i = 0; i < values.length; i++) {
      assertTrue(values[i] != 0 || actual[i] == 0, what + ": exactly 0");
    }
  }

  @Test
  void byHand() {
    float[] weights = {0.5f, 0.25f, 0.25f};
    // Mean 0.25, variance 0.25 · 0.75.
    float std = (float) Math.sqrt(0.1875);
    assertArrayEquals(
        new float[] {-0.25f / std, 0.75f / std, -0.25f / std},
        one(GRPO, false, weights, 0, 1, 0),
        1e-6f);
    assertArrayEquals(new float[] {-0.25f, 0.75f, -0.25f}, one(DR_GRPO, false, weights, 0, 1, 0));
    assertArrayEquals(new float[] {-1, 3, -1}, one(MAXRL, false, weights, 0, 1, 0));
    // A sample of two: the others' means 3 and 1, unbiased variance 2.
    float root = (float) Math.sqrt(2);
    assertArrayEquals(
        new float[] {-2 / root, 2 / root}, one(GRPO, true, new float[] {0.5f, 0.5f}, 1, 3), 1e-6f);
  }

  @Test
  void continuationsAreComparedAtTheSamePosition() {
    Groups groups = TestGroups.continuations();
    // Compared are entries 0 and 2, 1 and 3, 4 and 6, 5 and 7.
    float[] rewards = {1, 0, 3, 0, 2, 5, 2, 1};
    assertArrayEquals(new float[] {-2, 0, 2, 0, 0, 4, 0, -4}, DR_GRPO.advantages(groups, rewards));
    float third = 4 / 3f;
    assertArrayEquals(
        new float[] {-1, 0, 1, 0, 0, third, 0, -third}, MAXRL.advantages(groups, rewards));
    // Two values a distance d apart have the unbiased standard deviation d / √2.
    float root = (float) Math.sqrt(2);
    assertArrayEquals(
        new float[] {-root, 0, root, 0, 0, root, 0, -root},
        GRPO.advantages(groups, rewards),
        1e-6f);
  }

  @Test
  void aLeastStandardDeviationBoundsWhatGrpoDividesBy() {
    AdvantageEstimator bounded =
        AdvantageEstimator.of(
            new AdvantageConfig(
                AdvantageConfig.Estimator.GRPO, AdvantageConfig.Mean.WEIGHTED, 0.5, 0));
    float[] half = {0.5f, 0.5f};
    // Standard deviations 0.1 and 1.
    assertArrayEquals(new float[] {-0.2f, 0.2f}, one(bounded, false, half, 0.4f, 0.6f), 1e-6f);
    assertArrayEquals(new float[] {-1, 1}, one(bounded, false, half, 0, 2), 1e-6f);
  }

  @Test
  void groupsDoNotMix() {
    float[] weights = {0.5f, 0.5f, 0.75f, 0.25f, 0.5f, 0.5f};
    float[] rewards = {0, 1, 0, 1, 2, 2};
    assertArrayEquals(
        new float[] {-1, 1, -1, 3, 0, 0}, MAXRL.advantages(groups(2, false, weights), rewards));
  }

  @Test
  void aGoldTokenThatThePolicyAllButExcludesKeepsItsWholeAdvantage() {
    for (float p : new float[] {1e-3f, 1e-9f, 1e-20f, 1e-29f}) {
      float[] advantages = one(MAXRL, false, new float[] {p, 1}, 1, 0);
      assertEquals(1, p * advantages[0], 1.1e-3, "w · A = 1 − p");
      assertEquals(-1, advantages[1]);
    }
    assertArrayEquals(new float[2], one(MAXRL, false, new float[] {1e-31f, 1}, 1, 0));
  }

  @Test
  void aMeanThatIsNotPositiveHasNoMaxRlAdvantage() {
    float[] half = {0.5f, 0.5f};
    assertArrayEquals(new float[2], one(MAXRL, false, half, -2, 1));
    assertArrayEquals(new float[2], one(MAXRL, false, half, -1, 1));
  }

  @Test
  void equalRewardsHaveAdvantageZeroWhateverTheirValueAndWeights() {
    Random random = new Random(2);
    for (int i = 0; i < 300; i++) {
      int k = 1 + random.nextInt(9);
      float[] weights = new float[k];
      float[] rewards = new float[k];
      float reward = anyFloat(random);
      for (int j = 0; j < k; j++) {
        weights[j] = random.nextFloat();
        rewards[j] = reward;
      }
      for (AdvantageEstimator estimator : List.of(GRPO, DR_GRPO, MAXRL)) {
        assertArrayEquals(new float[k], one(estimator, random.nextBoolean(), weights, rewards));
      }
    }
  }

  /** Any finite float, of any magnitude. */
  private static float anyFloat(Random random) {
    float[] edges = {
      0, -0f, 1, -1, Float.MIN_VALUE, -Float.MIN_VALUE, Float.MAX_VALUE, -Float.MAX_VALUE, 1e-30f
    };
    if (random.nextInt(3) == 0) {
      return edges[random.nextInt(edges.length)];
    }
    float value = Float.intBitsToFloat(random.nextInt());
    return Float.isFinite(value) ? value : 0;
  }

  @Test
  void advantagesAreAlwaysNumbers() {
    Random random = new Random(1);
    for (int i = 0; i < 20_000; i++) {
      int k = 1 + random.nextInt(6);
      float[] weights = new float[k];
      float[] rewards = new float[k];
      double total = 0;
      for (int j = 0; j < k; j++) {
        weights[j] = random.nextInt(3) == 0 ? 0 : (float) Math.exp(-60 * random.nextDouble());
        total += weights[j];
        rewards[j] = anyFloat(random);
      }
      for (int j = 0; j < k && total > 0; j++) {
        weights[j] = (float) (weights[j] / total);
      }
      for (AdvantageEstimator estimator : List.of(GRPO, DR_GRPO, MAXRL)) {
        for (boolean sampled : new boolean[] {false, true}) {
          for (float advantage : one(estimator, sampled, weights, rewards)) {
            if (!Float.isFinite(advantage)) {
              fail(
                  estimator
                      + " gave "
                      + advantage
                      + " for "
                      + Arrays.toString(rewards)
                      + " weighted "
                      + Arrays.toString(weights));
            }
          }
        }
      }
    }
  }

  @Test
  void betterThanTheMeanIsPositiveAndTheMeanAdvantageIsZero() {
    Random random = new Random(4);
    for (int i = 0; i < 1000; i++) {
      int k = 2 + random.nextInt(6);
      float[] weights = new float[k];
      Arrays.fill(weights, 1f / k);
      float[] rewards = new float[k];
      double mean = 0;
      for (int j = 0; j < k; j++) {
        rewards[j] = random.nextFloat() + 0.01f;
        mean += (double) rewards[j] / k;
      }
      for (AdvantageEstimator estimator : List.of(GRPO, DR_GRPO, MAXRL)) {
        float[] advantages = one(estimator, true, weights, rewards);
        double sum = 0;
        for (int j = 0; j < k; j++) {
          sum += advantages[j];
          if (Math.abs(rewards[j] - mean) > 1e-6) {
            assertEquals(rewards[j] > mean, advantages[j] > 0);
          }
        }
        assertEquals(0, sum, 1e-4);
      }
    }
  }
}
