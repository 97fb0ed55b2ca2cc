package io.avatarl.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.advantage.AdvantageEstimator;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.RolloutConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.TestGroups;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The presets of the original's ladder give the advantages of the original's own formulas, which
 * {@code src/test/python/ladder_values.py} computes without any class of the project.
 */
class LadderTest {
  private static JsonNode values;
  private static int vocabulary;
  private static int states;

  @BeforeAll
  static void read() throws IOException {
    try (InputStream in = LadderTest.class.getResourceAsStream("/ladder.json")) {
      values = new ObjectMapper().readTree(in);
    }
    vocabulary = values.get("vocabulary").asInt();
    states = values.get("states").size();
  }

  private static int[] ints(JsonNode array) {
    int[] ints = new int[array.size()];
    Arrays.setAll(ints, i -> array.get(i).asInt());
    return ints;
  }

  /** The named array of every state, one after the other. */
  private static double[] all(String name) {
    double[] all = new double[states * values.get("states").get(0).get(name).size()];
    for (int i = 0; i < all.length; i++) {
      int width = all.length / states;
      all[i] = values.get("states").get(i / width).get(name).get(i % width).asDouble();
    }
    return all;
  }

  private static TrainingConfig preset(String name) throws IOException {
    return ConfigReader.read(
        name, Files.readString(Path.of("conf/avatarl/" + name + ".conf")), List.of());
  }

  private static float[] advantages(TrainingConfig config, Groups groups) {
    Corpus corpus = Corpus.of("ab", "abababab".getBytes(UTF_8), 0.5); // no component asks it
    NgramCounts counts = NgramCounts.of(ints(values.get("text")), vocabulary, 2);
    Rewards rewards =
        new Rewards(
            new Rewards.Sources(config.reward(), corpus, counts, Optional.empty()),
            List.of(config.reward().weights()));
    float[] paid =
        Rewards.total(
            rewards.components(groups, config.reward().weights()),
            config.reward().weights(),
            config.reward().offset());
    Rewards.scaleGold(groups, paid, config.reward());
    return AdvantageEstimator.of(config.advantage()).advantages(groups, paid);
  }

  private static float[] logProbs() {
    double[] policy = all("policy");
    float[] logs = new float[policy.length];
    for (int i = 0; i < logs.length; i++) {
      logs[i] = (float) Math.log(policy[i]);
    }
    return logs;
  }

  /** Every character, each with the same weight. */
  private static Groups exhaustive() {
    float[] weights = new float[states * vocabulary];
    Arrays.fill(weights, 1f / vocabulary);
    return TestGroups.ofWindows(
        1, ints(values.get("window")), vocabulary, false, new int[0], weights, logProbs());
  }

  private static void assertOriginal(String name, float[] advantages, double factor) {
    double[] original = all(name);
    double largest = 0;
    for (int i = 0; i < original.length; i++) {
      assertEquals(original[i], factor * advantages[i], 2e-4, name + " " + i);
      largest = Math.max(largest, Math.abs(original[i]));
    }
    assertTrue(largest > 1, "not all alike");
  }

  /** The original divides by the sample's standard deviation, n − 1, and the group is no sample. */
  private static double ofSample() {
    return Math.sqrt((vocabulary - 1.0) / vocabulary);
  }

  @Test
  void exhaustive3JuneAtNoon() throws IOException {
    TrainingConfig config = preset("2025-06-02-exhaustive");
    assertEquals(RolloutConfig.Weights.UNIFORM, config.rollout().weights());
    assertOriginal("june_3_noon", advantages(config, exhaustive()), ofSample());
  }

  @Test
  void confidence3JuneAtNight() throws IOException {
    TrainingConfig config = preset("2025-06-03-confidence");
    assertEquals(RolloutConfig.Weights.UNIFORM, config.rollout().weights());
    assertOriginal("june_3_night", advantages(config, exhaustive()), ofSample());
  }

  @Test
  void bigram29May() throws IOException {
    TrainingConfig config = preset("2025-05-29-bigram");
    int k = config.rollout().samples();
    assertEquals(values.get("states").get(0).get("actions").size(), k);
    int[] actions = Arrays.stream(all("actions")).mapToInt(a -> (int) a).toArray();
    float[] logProbs = new float[actions.length];
    for (int i = 0; i < actions.length; i++) {
      logProbs[i] = logProbs()[i / k * vocabulary + actions[i]];
    }
    float[] weights = new float[actions.length];
    Arrays.fill(weights, 1f / k);
    Groups groups =
        TestGroups.ofWindows(1, ints(values.get("window")), k, true, actions, weights, logProbs);
    // The mean of the others, instead of one that holds the entry's own reward.
    assertOriginal("may_29", advantages(config, groups), (k - 1.0) / k);
  }
}
