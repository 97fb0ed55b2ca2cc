package io.avatarl.reward;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.typesafe.config.ConfigFactory;
import io.avatarl.config.ConfigReader;
import io.avatarl.corpus.Corpus;
import io.avatarl.rollout.Groups;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RewardsTest {
  /** Trains on "aababb" of "aababbcccccc": a a, a b, b a, a b, b b. */
  private static final Corpus CORPUS = Corpus.of("abc", "aababbcccccc".getBytes(UTF_8), 0.5);

  private static final int A = 0;
  private static final int B = 1;
  private static final int C = 2;

  private static Groups exhaustive(int... tokens) {
    int groups = tokens.length - 1;
    return new Groups(
        1, groups, tokens, 3, false, new int[0], new float[3 * groups], new float[3 * groups]);
  }

  private static Rewards rewards(String... overrides) {
    return new Rewards(ConfigReader.read("", "", List.of(overrides)).reward(), CORPUS);
  }

  @Test
  void exactMatchPaysTheGoldToken() {
    assertArrayEquals(
        new float[] {0, 1, 0, 0, 0, 1, 1, 0, 0}, new ExactMatch().score(exhaustive(A, B, C, A)));
    Groups sampled =
        new Groups(
            2,
            1,
            new int[] {A, B, C, A},
            2,
            true,
            new int[] {B, B, B, A},
            new float[4],
            new float[4]);
    assertArrayEquals(new float[] {1, 1, 0, 1}, new ExactMatch().score(sampled));
  }

  @Test
  void bigramCreditIsTheFrequencyInTheTrainingSplitOnly() {
    RewardComponent credit = BigramCredit.of(CORPUS);
    float third = 1 / 3f;
    assertArrayEquals(
        // After a: a once, b twice. After b: a once, b once. After c: never seen in training.
        new float[] {third, 2 * third, 0, 0.5f, 0.5f, 0, 0, 0, 0},
        credit.score(exhaustive(A, B, C, A)),
        1e-7f);
    Groups sampled =
        new Groups(
            2,
            1,
            new int[] {A, C, B, C},
            2,
            true,
            new int[] {B, A, C, B},
            new float[4],
            new float[4]);
    assertArrayEquals(new float[] {2 * third, third, 0, 0.5f}, credit.score(sampled), 1e-7f);
  }

  @Test
  void theRewardIsTheWeightedSumOfTheComponentsInUse() {
    Rewards rewards = rewards("reward.weights.exact=2", "reward.weights.bigram=-0.5");
    Groups groups = exhaustive(B, A);
    Map<String, float[]> components = rewards.components(groups);
    assertEquals(2, components.size());
    assertArrayEquals(new float[] {1, 0, 0}, components.get("exact"), "unweighted");
    assertArrayEquals(new float[] {1.75f, -0.25f, 0}, rewards.total(components));
    assertArrayEquals(new float[] {0.5f, 0.5f, 0}, components.get("bigram"), "left as it was");
  }

  @Test
  void aWeightOfZeroIsNotComputed() {
    Rewards rewards = rewards("reward.weights.exact=1", "reward.weights.bigram=0");
    assertEquals(List.of("exact"), List.copyOf(rewards.components(exhaustive(A, B)).keySet()));
  }

  @Test
  void everyComponentHasAKeyAndEveryKeyAComponent() {
    assertEquals(
        ConfigFactory.parseResources(ConfigReader.class, "reference.conf")
            .getObject("reward.weights")
            .keySet(),
        Rewards.REGISTRY.keySet());
  }

  @Test
  void travelsToExecutors() throws Exception {
    Rewards rewards = rewards("reward.weights.exact=2", "reward.weights.bigram=0.5");
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(rewards);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      Rewards read = (Rewards) in.readObject();
      Groups groups = exhaustive(A, B, C);
      assertArrayEquals(
          rewards.total(rewards.components(groups)), read.total(read.components(groups)));
    }
  }
}
