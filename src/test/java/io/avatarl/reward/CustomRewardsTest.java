package io.avatarl.reward;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.TestGroups;
import io.avatarl.rollout.WindowBatch;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("numerical")
class CustomRewardsTest {
  /** Tokens 0 to 9 are the letters a to j. */
  private static final Corpus CORPUS =
      Corpus.of("letters", "abcdefghijabcdefghij".getBytes(UTF_8), 0.1);

  private static TrainingConfig config(String function, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "model.context=4",
                "model.heads=1",
                "reward.weights.exact=0",
                "reward.custom.own.class=" + function));
    all.addAll(List.of(more));
    return ConfigReader.read("", "", all);
  }

  private static String test(String name) {
    return TestFunctions.class.getName() + "$" + name;
  }

  private static Rewards rewards(TrainingConfig config) {
    return new Rewards(
        new Rewards.Sources(config.reward(), CORPUS, null, Optional.empty()),
        List.of(config.reward().allWeights()));
  }

  private static float[] scored(TrainingConfig config, Groups groups) {
    return rewards(config).components(groups, config.reward().allWeights()).get("own");
  }

  private static Groups window(int k, int... actions) {
    return TestGroups.ofWindows(
        1,
        new int[] {0, 1, 2},
        k,
        true,
        actions,
        new float[actions.length],
        new float[actions.length]);
  }

  @Test
  void aFunctionScoresEveryActionOfAGroup() {
    assertArrayEquals(
        new float[] {1, 0, 0, 1}, scored(config(test("Exact")), window(2, 1, 2, 1, 2)));
    Groups exhaustive =
        TestGroups.ofWindows(
            1, new int[] {0, 1, 2}, 3, false, new int[0], new float[6], new float[6]);
    assertArrayEquals(new float[] {0, 1, 0, 0, 0, 1}, scored(config(test("Exact")), exhaustive));
  }

  @Test
  void rolloutsOfAStateAreItsActions() {
    List<Rollout> rollouts = new RolloutList(window(2, 1, 2, 5, 6), CORPUS.tokenizer());
    assertEquals(4, rollouts.size());
    Rollout third = rollouts.get(2);
    assertEquals("ab", third.context());
    assertEquals("f", third.action());
    assertEquals("c", third.gold());
    assertArrayEquals(new int[] {0, 1}, third.contextTokens());
    assertArrayEquals(new int[] {5}, third.actionTokens());
    assertArrayEquals(new int[] {2}, third.goldTokens());
  }

  @Test
  void rolloutsOfAContextAreItsContinuations() {
    List<Rollout> rollouts = new RolloutList(TestGroups.continuations(), CORPUS.tokenizer());
    assertEquals(4, rollouts.size());
    Rollout second = rollouts.get(1);
    assertEquals("ab", second.context());
    assertEquals("di", second.action());
    assertEquals("ci", second.gold());
    assertArrayEquals(new double[] {-3, -4}, second.logProbs());
    assertEquals("hj", rollouts.get(3).action());
  }

  @Test
  void oneNumberOfAContinuationIsPaidToEachOfItsTokens() {
    assertArrayEquals(
        new float[] {1, 1, 0, 0, 0, 0, 1, 1},
        scored(
            config(test("Exact"), "rollout.exploration=sampled", "rollout.horizon=2"),
            new Groups(
                4,
                3,
                1,
                2,
                new int[] {0, 1, 2, 0, 1, 3, 4, 5, 6, 4, 5, 7},
                new int[] {2, 8, 2, 8, 7, 9, 7, 9},
                1,
                Groups.Draw.INDEPENDENT,
                new int[] {2, 8, 3, 8, 6, 1, 7, 9},
                new float[8],
                new float[8])));
  }

  @Test
  void oneNumberForEachTokenIsPaidToIt() {
    assertArrayEquals(
        new float[] {1, 2, 3, 4, 5, 6, 7, 8},
        scored(config(test("Surprise")), TestGroups.continuations()));
  }

  @Test
  void parametersAreReadByTheConstructor() {
    TrainingConfig config =
        config(
            test("Length"),
            "reward.custom.own.params.times=0.5",
            "reward.custom.own.params.whole=3");
    assertArrayEquals(new float[] {3, 3, 4.5f, 4.5f}, scored(config, window(2, 1, 2, 5, 6)));
    assertArrayEquals(
        new float[] {2, 2, 3, 3}, scored(config(test("Length")), window(2, 1, 2, 5, 6)));
  }

  @Test
  void weighsAndAddsUpAsAnyOther() {
    TrainingConfig config =
        config(test("Length"), "reward.custom.own.weight=0.5", "reward.weights.exact=2");
    Map<String, Double> weights = config.reward().allWeights();
    Map<String, float[]> components = rewards(config).components(window(2, 1, 2, 5, 6), weights);
    assertEquals(List.of("exact", "own"), components.keySet().stream().sorted().toList());
    assertArrayEquals(new float[] {3, 1, 1.5f, 1.5f}, Rewards.total(components, weights, 0));
  }

  @Test
  void isMadeAnewWhereItArrives() throws Exception {
    TrainingConfig config = config(test("Length"), "reward.custom.own.params.times=2");
    Rewards rewards = rewards(config);
    rewards.components(window(1, 1, 2), config.reward().allWeights());
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(rewards);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      Rewards read = (Rewards) in.readObject();
      assertArrayEquals(
          new float[] {4, 6},
          read.components(window(1, 1, 2), config.reward().allWeights()).get("own"));
    }
  }

  private static String refused(Runnable what) {
    String message = assertThrows(UserError.class, what::run).getMessage();
    assertEquals("reward.custom.own", message.substring(0, 17), message);
    return message;
  }

  private static void assertRefused(String says, Runnable what) {
    String message = refused(what);
    assertEquals(true, message.contains(says), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "com.example.None | own.class: com.example.None is not on the class path; pass the jar",
        "java.lang.String | own.class: java.lang.String does not implement io.avatarl.reward.RewardFunction",
        "io.avatarl.reward.RewardFunction | must be a public class with a public constructor",
        "io.avatarl.reward.TestFunctions$Hidden | must be a public class with a public constructor",
        "io.avatarl.reward.TestFunctions$Failing | threw java.lang.IllegalArgumentException: no model at",
      })
  void aClassThatIsNoneIsRefusedBeforeTheCorpusIsRead(String function, String says) {
    TrainingConfig config = config(function);
    assertRefused(
        says, () -> Rewards.check(config.reward(), List.of(config.reward().allWeights())));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "tims=2 | own.params.tims: the class does not read it, it reads times, whole",
        "times=[2] | own.params.times: [2] is not a number",
        "whole=1.5 | own.params.whole: 1.5 is not a whole number",
      })
  void parametersThatDoNotFit(String param, String says) {
    TrainingConfig config = config(test("Length"), "reward.custom.own.params." + param);
    assertRefused(
        says, () -> Rewards.check(config.reward(), List.of(config.reward().allWeights())));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "null     | $Bad gave null for 4 rollouts; give one number for each",
        "short    | $Bad gave 3 numbers for 4 rollouts; give one number for each",
        "nan      | own: gave NaN for \"",
        "infinite | own: gave Infinity for \"",
        "large    | more than its highest = 1000000.0",
        "throws   | threw java.lang.IllegalStateException: no",
        "deep     | threw java.lang.StackOverflowError",
      })
  void aFunctionThatFailsIsFoundOutOnTheCorpus(String how, String says) {
    TrainingConfig config = config(test("Bad"), "reward.custom.own.params.how=" + how);
    assertRefused(says, () -> CustomRewards.tryFunctions(config, CORPUS));
  }

  @Test
  void ofContinuationsACountOfTokensIsRightAsWell() {
    TrainingConfig config =
        config(
            test("Bad"),
            "reward.custom.own.params.how=short",
            "rollout.exploration=sampled",
            "rollout.horizon=3");
    assertRefused(
        "gave 1 numbers for 2 rollouts of 3 tokens; give one number for each, or one for each token",
        () -> CustomRewards.tryFunctions(config, CORPUS));
    CustomRewards.tryFunctions(
        config(test("Surprise"), "rollout.exploration=sampled", "rollout.horizon=3"), CORPUS);
  }

  @Test
  void valuesBelowTheLowestAreNotPaid() {
    TrainingConfig config =
        config(test("Length"), "reward.custom.own.params.times=-1", "reward.custom.own.lowest=0");
    assertRefused("less than its lowest = 0.0", () -> CustomRewards.tryFunctions(config, CORPUS));
  }

  @Test
  void maxrlGoesByTheLowestValue() {
    TrainingConfig open = config(test("Exact"));
    String message =
        assertThrows(
                UserError.class,
                () ->
                    Rewards.checkSign(
                        open.advantage(), open.reward(), List.of(open.reward().allWeights())))
            .getMessage();
    assertEquals(
        "advantage.estimator: maxrl needs rewards of at least 0, but reward.custom.own = 1.0 can bring"
            + " them to -1000000.00; set reward.offset = 1000000.0, or where its values never get there,"
            + " reward.custom.own.lowest and .highest, or advantage.estimator = grpo or dr-grpo",
        message);
    TrainingConfig bounded = config(test("Exact"), "reward.custom.own.lowest=0");
    Rewards.checkSign(
        bounded.advantage(), bounded.reward(), List.of(bounded.reward().allWeights()));
    TrainingConfig negative =
        config(
            test("Exact"),
            "reward.custom.own.lowest=0",
            "reward.custom.own.weight=-1",
            "reward.custom.own.highest=1",
            "reward.offset=1");
    Rewards.checkSign(
        negative.advantage(), negative.reward(), List.of(negative.reward().allWeights()));
  }

  @Test
  void whatNoStageWeighsIsNotEvenLoaded() {
    TrainingConfig config =
        config("com.example.None", "reward.custom.own.weight=0", "reward.weights.exact=1");
    Rewards.check(config.reward(), List.of(config.reward().allWeights()));
    CustomRewards.tryFunctions(config, CORPUS);
    assertEquals(Map.of(), CustomRewards.weighed(config));
  }

  @Test
  void stagesWeighItByItsName() {
    TrainingConfig config =
        ConfigReader.read(
            "",
            """
            model { context = 4, heads = 1 }
            reward.custom.own { class = "com.example.None", weight = 0 }
            curriculum.stages = [{ name = a }, { name = b, reward { own = 1 } }]
            """,
            List.of());
    assertEquals(List.of("own"), List.copyOf(CustomRewards.weighed(config).keySet()));
  }

  @Test
  void textAsWrittenIsItsOwnContinuation() {
    WindowBatch rows = WindowBatch.of(1, new int[] {0, 1, 2, 3, 4});
    List<Rollout> rollouts = new RolloutList(Groups.asWritten(rows, 2), CORPUS.tokenizer());
    assertEquals(2, rollouts.size());
    for (Rollout rollout : rollouts) {
      assertEquals("abc", rollout.context());
      assertEquals("de", rollout.action());
      assertEquals("de", rollout.gold());
    }
  }
}
