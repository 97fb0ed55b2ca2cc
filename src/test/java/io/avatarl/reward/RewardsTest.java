package io.avatarl.reward;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.config.RewardConfig;
import io.avatarl.config.RolloutConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramModel;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import io.avatarl.rollout.FrozenPolicy;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.TestGroups;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("numerical")
class RewardsTest {
  /** Trains on "aababb" of "aababbcccccc": a a, a b, b a, a b, b b. */
  private static final Corpus CORPUS = Corpus.of("abc", "aababbcccccc".getBytes(UTF_8), 0.5);

  private static final NgramCounts COUNTS = NgramCounts.of(CORPUS.train().toArray(), 3, 5);
  private static final GptConfig TINY =
      ConfigReader.read(
              "", "model { layers = 1, heads = 1, width = 4, context = 3, initStd = 1 }", List.of())
          .model();

  private static final int A = 0;
  private static final int B = 1;
  private static final int C = 2;

  private static Groups exhaustive(int... tokens) {
    return exhaustive(3, new float[3 * (tokens.length - 1)], tokens);
  }

  private static Groups exhaustive(int vocabulary, float[] logProbs, int... tokens) {
    return TestGroups.ofWindows(
        1, tokens, vocabulary, false, new int[0], new float[logProbs.length], logProbs);
  }

  private static Groups sampled(int windows, int[] packed, int k, int... actions) {
    return TestGroups.ofWindows(
        windows, packed, k, true, actions, new float[actions.length], new float[actions.length]);
  }

  private static float[] logs(double... probabilities) {
    float[] logs = new float[probabilities.length];
    for (int i = 0; i < logs.length; i++) {
      logs[i] = (float) Math.log(probabilities[i]);
    }
    return logs;
  }

  private static RewardConfig config(String... overrides) {
    return ConfigReader.read("", "", List.of(overrides)).reward();
  }

  private static Rewards rewards(RewardConfig config, List<Map<String, Double>> stages) {
    return new Rewards(new Rewards.Sources(config, CORPUS, COUNTS, Optional.empty()), stages);
  }

  private static Rewards rewards(RewardConfig config) {
    return rewards(config, List.of(config.weights()));
  }

  @Test
  void exactMatchPaysTheGoldToken() {
    assertArrayEquals(
        new float[] {0, 1, 0, 0, 0, 1, 1, 0, 0}, new ExactMatch().score(exhaustive(A, B, C, A)));
    Groups sampled = sampled(2, new int[] {A, B, C, A}, 2, B, B, B, A);
    assertArrayEquals(new float[] {1, 1, 0, 1}, new ExactMatch().score(sampled));
  }

  /** The Witten–Bell formula on the six letters of the training split. */
  private static final double UNIGRAM_A = (3 + 2 / 3.0) / 8;

  private static final double UNIGRAM_C = (2 / 3.0) / 8;
  private static final double A_AFTER_A = (1 + 2 * UNIGRAM_A) / 5;
  private static final double B_AFTER_A = (2 + 2 * UNIGRAM_A) / 5;
  private static final double C_AFTER_A = 2 * UNIGRAM_C / 5;
  private static final double A_AFTER_B = (1 + 2 * UNIGRAM_A) / 4;
  private static final double C_AFTER_B = 2 * UNIGRAM_C / 4;

  private static float[] floats(double... values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  @Test
  void bigramCreditIsTheProbabilityInTheTrainingSplitOnly() {
    RewardComponent credit = new NgramCredit(new NgramModel(COUNTS, 2), false);
    assertArrayEquals(
        // After c, which training never saw, the single letters count.
        floats(
            A_AFTER_A, B_AFTER_A, C_AFTER_A, A_AFTER_B, A_AFTER_B, C_AFTER_B, UNIGRAM_A, UNIGRAM_A,
            UNIGRAM_C),
        credit.score(exhaustive(A, B, C, A)),
        1e-7f);
    Groups sampled = sampled(2, new int[] {A, C, B, C}, 2, B, A, C, B);
    assertArrayEquals(
        floats(B_AFTER_A, A_AFTER_A, C_AFTER_B, A_AFTER_B), credit.score(sampled), 1e-7f);
  }

  @Test
  void logarithmicCreditIsATenthOfTheLogProbability() {
    RewardComponent credit = new NgramCredit(new NgramModel(COUNTS, 2), true);
    assertArrayEquals(
        floats(
            Math.log(A_AFTER_A + 1e-10) / 10,
            Math.log(B_AFTER_A + 1e-10) / 10,
            Math.log(C_AFTER_A + 1e-10) / 10),
        credit.score(exhaustive(A, B)),
        1e-7f);
  }

  @ParameterizedTest
  @CsvSource({"bigram, 2", "trigram, 3", "fourgram, 4", "fivegram, 5"})
  void everyOrderHasItsComponents(String name, int order) {
    NgramModel model = new NgramModel(COUNTS, order);
    Map<String, Double> weights = Map.of(name, 1.0, name + "Log", 1.0);
    Groups groups = exhaustive(A, A, B, A, B, A);
    Map<String, float[]> values = rewards(config(), List.of(weights)).components(groups, weights);
    double[] expected = model.distribution(A, A, B, A, B);
    for (int v = 0; v < 3; v++) {
      assertEquals(expected[v], values.get(name)[12 + v], 1e-7);
      assertEquals(Math.log(expected[v] + 1e-10) / 10, values.get(name + "Log")[12 + v], 1e-7);
    }
  }

  @Test
  void improvementIsTheLogRatioToTheTableWithinItsBounds() {
    RewardComponent improvement = new Improvement(new NgramModel(COUNTS, 2));
    float[] logProbs = logs(A_AFTER_A * 1.5, B_AFTER_A * 0.3, C_AFTER_A * 9);
    assertArrayEquals(
        floats(Math.log(1.5), -1, 2), improvement.score(exhaustive(3, logProbs, A, B)), 1e-5f);
  }

  @Test
  void confidencePaysTheGoldTokensProbabilityUpToTheClip() {
    float[] logProbs = logs(0.2, 0.7, 0.1, 0.3, 0.3, 0.4);
    Groups groups = exhaustive(3, logProbs, A, B, C);
    assertArrayEquals(floats(0, 0.7, 0, 0, 0, 0.4), new ConfidenceBonus(1).score(groups), 1e-6f);
    assertArrayEquals(floats(0, 0.5, 0, 0, 0, 0.4), new ConfidenceBonus(0.5).score(groups), 1e-6f);
  }

  @Test
  void overconfidenceCostsTheProbabilityOfAWrongTokenAboveAHalf() {
    float[] logProbs = logs(0.6, 0.3, 0.1, 0.1, 0.1, 0.8, 0.49, 0.41, 0.1);
    // Gold b, c, c: wrong and confident is the first a only.
    assertArrayEquals(
        floats(-0.6, 0, 0, 0, 0, 0, 0, 0, 0),
        new ConfidencePenalty().score(exhaustive(3, logProbs, A, B, C, C)),
        1e-6f);
  }

  @Test
  void repetitionCostsTheStatesLastToken() {
    assertArrayEquals(
        new float[] {-1, 0, 0, 0, 0, -1}, new Repetition().score(exhaustive(A, C, B)));
    assertArrayEquals(
        new float[] {0, -1, -1, 0},
        new Repetition().score(sampled(2, new int[] {A, C, B, C}, 2, C, A, B, A)));
  }

  @Test
  void diversityPaysWhatIsNotAmongTheLastEight() {
    int vocabulary = 11;
    int[] window = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    float[] values =
        new Diversity().score(exhaustive(vocabulary, new float[10 * vocabulary], window));
    for (int g = 0; g < 10; g++) {
      for (int v = 0; v < vocabulary; v++) {
        boolean among = v <= g && v > g - 8;
        assertEquals(among ? 0 : 1, values[g * vocabulary + v], g + " " + v);
      }
    }
  }

  @Test
  void diversityDoesNotLookIntoTheWindowBefore() {
    assertArrayEquals(
        new float[] {1, 0}, new Diversity().score(sampled(2, new int[] {A, B, B, A}, 1, B, B)));
  }

  @Test
  void wordsArePaidWhenTheyEndByTheirLength() {
    Corpus text = Corpus.of("words", "I am cats. bbbbbbbbbbb".getBytes(UTF_8), 0.5);
    assertEquals("I am cats. ", text.tokenizer().decode(text.train().toArray()));
    RewardComponent word = WordFormation.of(text, List.of(0.1, 0.2, 0.3));
    // One row's last state, after a full stop where the row does not begin within a word.
    assertPaid(text, word, ". I", 0.1f);
    assertPaid(text, word, ". am", 0.2f);
    assertPaid(text, word, ".cats", 0.3f); // four letters: the last value
    assertPaid(text, word, ". a", 0); // not a word by itself
    assertPaid(text, word, ".bats", 0); // not of the training split
    assertPaid(text, word, ".cats ", 0); // ended before
    assertPaid(text, word, "cats", 0); // may be the end of a longer word
    assertPaid(text, word, "I", 0);
  }

  private static void assertPaid(Corpus text, RewardComponent word, String state, float value) {
    int vocabulary = text.tokenizer().vocabularySize();
    int[] window = text.tokenizer().encode(state + " ");
    float[] values =
        word.score(exhaustive(vocabulary, new float[vocabulary * state.length()], window));
    int from = (state.length() - 1) * vocabulary;
    for (int v = 0; v < vocabulary; v++) {
      boolean ends = !Character.isLetter(text.tokenizer().decode(v).charAt(0));
      assertEquals(ends ? value : 0, values[from + v], state + "|" + text.tokenizer().decode(v));
    }
  }

  private static float[] refereeWeights() {
    NativeEngine.load(1);
    return Parameters.random(ParameterLayout.of(TINY, 3), 1, 8).toArray();
  }

  private static RewardComponent referee(String... overrides) {
    return new Referee(config(overrides).referee(), new FrozenPolicy(TINY, 3, refereeWeights()));
  }

  /** The referee's own probabilities in the state of each position, [T][V]. */
  private static double[][] distribution(long... state) {
    Parameters parameters = new Parameters(ParameterLayout.of(TINY, 3));
    parameters.set(refereeWeights());
    try (Policy policy = new Policy(TINY, parameters)) {
      float[] logProbs = policy.logProbs(1, state);
      double[][] probabilities = new double[state.length][3];
      for (int i = 0; i < logProbs.length; i++) {
        probabilities[i / 3][i % 3] = Math.exp(logProbs[i]);
      }
      return probabilities;
    }
  }

  /** ideal(a) of some active tokens, by the formula. */
  private static double[] ideal(double[] referee, int gold, double smoothing, int... active) {
    double[] ideal = new double[active.length];
    for (int i = 0; i < active.length; i++) {
      double reality = active[i] == gold ? 1 - smoothing : smoothing / (active.length - 1);
      ideal[i] = Math.pow(reality, 0.7) * Math.pow(referee[active[i]], 0.3);
    }
    double total = Arrays.stream(ideal).sum();
    return Arrays.stream(ideal).map(x -> x / total).toArray();
  }

  @Test
  void theRefereeCombinesItsProbabilitiesWithSmoothedReality() {
    // So much smoothing that more than the gold token is above the mean somewhere.
    RewardComponent referee =
        referee(
            "reward.referee.scale=2",
            "reward.referee.clamp=10",
            "reward.referee.labelSmoothing=0.6");
    float[] values = referee.score(exhaustive(A, B, C, A));
    double[][] distribution = distribution(A, B, C);
    int[] gold = {B, C, A};
    int paid = 0;
    for (int g = 0; g < 3; g++) {
      double[] ideal = ideal(distribution[g], gold[g], 0.6, A, B, C);
      for (int v = 0; v < 3; v++) {
        paid += ideal[v] > 1 / 3.0 ? 1 : 0;
        assertEquals(ideal[v] > 1 / 3.0 ? 2 * ideal[v] : 0, values[3 * g + v], 1e-5, g + " " + v);
      }
    }
    assertTrue(paid > 3, "more than one in some group: " + paid);
  }

  @Test
  void theRefereesRewardsAreRescaledToTheClamp() {
    float[] plain =
        referee("reward.referee.scale=1", "reward.referee.labelSmoothing=0.6")
            .score(exhaustive(A, B, C, A));
    float[] clamped = referee("reward.referee.labelSmoothing=0.6").score(exhaustive(A, B, C, A));
    for (int g = 0; g < 3; g++) {
      float largest = Math.max(plain[3 * g], Math.max(plain[3 * g + 1], plain[3 * g + 2]));
      for (int v = 0; v < 3; v++) {
        assertEquals(1.5 * plain[3 * g + v] / largest, clamped[3 * g + v], 1e-5);
      }
    }
  }

  @Test
  void theRefereeCountsEachActiveTokenOnce() {
    RewardComponent referee =
        referee(
            "reward.referee.scale=1",
            "reward.referee.clamp=10",
            "reward.referee.labelSmoothing=0.45");
    // As active exploration pads a group with its gold token, and as sampling repeats a token.
    float[] values = referee.score(sampled(1, new int[] {A, B, A}, 4, B, C, B, B, A, C, C, A));
    double[][] distribution = distribution(A, B);
    double[] first = ideal(distribution[0], B, 0.45, B, C);
    double[] second = ideal(distribution[1], A, 0.45, A, C);
    float b = first[0] > 0.5 ? (float) first[0] : 0;
    float c = first[1] > 0.5 ? (float) first[1] : 0;
    float a = second[0] > 0.5 ? (float) second[0] : 0;
    float d = second[1] > 0.5 ? (float) second[1] : 0;
    assertArrayEquals(new float[] {b, c, b, b, a, d, d, a}, values, 1e-5f);
    assertTrue(b + c > 0 && a + d > 0);
  }

  @Test
  void theRefereeSeesTheWholeState() {
    RewardComponent referee = referee("reward.referee.scale=1", "reward.referee.clamp=10");
    // Groups at the last position only, with two actions each.
    Groups groups =
        new Groups(
            1,
            3,
            2,
            1,
            new int[] {A, B, C},
            new int[] {A},
            2,
            Groups.Draw.INDEPENDENT,
            new int[] {A, B},
            new float[2],
            new float[2]);
    double[] ideal = ideal(distribution(A, B, C)[2], A, 0.1, A, B);
    assertTrue(ideal[0] > 0.5);
    assertArrayEquals(floats(ideal[0], 0), referee.score(groups), 1e-5f);
  }

  @Test
  void theRewardIsTheWeightedSumOfTheComponentsInUse() {
    RewardConfig config = config("reward.weights.exact=2", "reward.weights.bigram=-0.5");
    Groups groups = exhaustive(B, A);
    Map<String, float[]> components = rewards(config).components(groups, config.weights());
    assertEquals(2, components.size());
    assertArrayEquals(new float[] {1, 0, 0}, components.get("exact"), "unweighted");
    assertArrayEquals(
        floats(2 - 0.5 * A_AFTER_B, -0.5 * A_AFTER_B, -0.5 * C_AFTER_B),
        Rewards.total(components, config.weights(), 0),
        1e-6f);
    assertArrayEquals(
        floats(A_AFTER_B, A_AFTER_B, C_AFTER_B), components.get("bigram"), 1e-7f, "left as it was");
  }

  @Test
  void aWeightOfZeroIsNotComputed() {
    RewardConfig config = config("reward.weights.exact=1", "reward.weights.bigram=0");
    assertEquals(
        List.of("exact"),
        List.copyOf(rewards(config).components(exhaustive(A, B), config.weights()).keySet()));
  }

  @Test
  void everyStageHasItsOwnComponents() {
    Map<String, Double> first = Map.of("exact", 0.0, "bigram", 2.0);
    Map<String, Double> second = Map.of("exact", 1.0, "repetition", 0.5);
    Rewards rewards = rewards(config(), List.of(first, second));
    Groups groups = exhaustive(A, B);
    assertArrayEquals(
        floats(2 * A_AFTER_A, 2 * B_AFTER_A, 2 * C_AFTER_A),
        Rewards.total(rewards.components(groups, first), first, 0),
        1e-6f);
    assertArrayEquals(
        new float[] {-0.5f, 1, 0}, Rewards.total(rewards.components(groups, second), second, 0));
  }

  private static String refused(List<Map<String, Double>> stages) {
    return assertThrows(UserError.class, () -> rewards(config(), stages)).getMessage();
  }

  @Test
  void anUnknownComponentIsRefusedByName() {
    String message = refused(List.of(Map.of("exact", 1.0), Map.of("exakt", 1.0)));
    assertThat(message).contains("reward exakt: unknown", "exact, fivegram");
  }

  @Test
  void somethingMustBeRewardedInEveryStage() {
    String message = refused(List.of(Map.of("exact", 1.0), Map.of("exact", 0.0)));
    assertThat(message).contains("reward.weights: ");
    message = refused(List.of(config("reward.weights.exact=0").weights()));
    assertThat(message).contains("reward.weights: ");
  }

  @Test
  void aStageThatPaysTheRefereeNeedsOne() {
    String message = refused(List.of(Map.of("exact", 1.0), Map.of("referee", 1.0)));
    assertThat(message).contains("reward.referee.run: ");
  }

  @Test
  void everyComponentHasAKeyAndEveryKeyAComponent() {
    assertEquals(
        ConfigFactory.parseResources(ConfigReader.class, "reference.conf")
            .getObject("reward.weights")
            .keySet(),
        Rewards.names());
  }

  @Test
  void creditOfASequenceIsAnEvenShareOfTheRowsSum() {
    Groups groups = TestGroups.continuations();
    float[] rewards = {1, 0, 3, 0, 2, 5, 2, 1};
    float[] perToken = rewards.clone();
    CreditAssignment.assign(RolloutConfig.Credit.TOKEN, groups, perToken);
    assertArrayEquals(rewards, perToken);
    float[] perSequence = rewards.clone();
    CreditAssignment.assign(RolloutConfig.Credit.SEQUENCE, groups, perSequence);
    assertArrayEquals(new float[] {0.5f, 0.5f, 1.5f, 1.5f, 3.5f, 3.5f, 1.5f, 1.5f}, perSequence);
    // Positions of a window are states of their own, not a sequence.
    float[] window = {1, 0, 0};
    CreditAssignment.assign(RolloutConfig.Credit.SEQUENCE, exhaustive(A, B), window);
    assertArrayEquals(new float[] {1, 0, 0}, window);
  }

  @Test
  void travelsToExecutors() throws Exception {
    RewardConfig config =
        config(
            "reward.referee.run=referee",
            "reward.weights.exact=2",
            "reward.weights.bigram=0.5",
            "reward.weights.word=0.5",
            "reward.weights.improvement=0.25",
            "reward.weights.referee=1");
    Rewards rewards =
        new Rewards(
            new Rewards.Sources(
                config,
                CORPUS,
                COUNTS,
                Optional.of(
                    new FrozenPolicy(TINY, CORPUS.tokenizer().vocabularySize(), refereeWeights()))),
            List.of(config.weights()));
    Groups groups = exhaustive(A, B, C);
    // The referee builds its model here; it has to be built again there.
    float[] expected =
        Rewards.total(rewards.components(groups, config.weights()), config.weights(), 0);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(rewards);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      Rewards read = (Rewards) in.readObject();
      assertArrayEquals(
          expected, Rewards.total(read.components(groups, config.weights()), config.weights(), 0));
    }
  }

  private static void checkSign(String... overrides) {
    TrainingConfig config = ConfigReader.read("", "", List.of(overrides));
    Rewards.checkSign(config.advantage(), config.reward(), List.of(config.reward().weights()));
  }

  @Test
  void rewardsThatMayFallBelowZeroAreRefusedWhereTheirMeanIsDividedBy() {
    checkSign();
    checkSign("reward.weights.bigramLog=0.1", "advantage.estimator=dr-grpo");
    checkSign("reward.weights.repetition=0.3", "reward.offset=0.3");
    String message =
        assertThrows(
                UserError.class,
                () -> checkSign("reward.weights.bigram=1", "reward.weights.repetition=0.3"))
            .getMessage();
    assertEquals(
        "advantage.estimator: maxrl needs rewards of at least 0, but reward.repetition = 0.3 can"
            + " bring them to -0.30; set reward.offset = 0.3, or advantage.estimator = grpo or"
            + " dr-grpo",
        message);
    // log(1e-10) / 10 = -2.3026 is the least; the offset that is named is enough.
    assertThrows(UserError.class, () -> checkSign("reward.weights.bigramLog=0.1"));
    checkSign("reward.weights.bigramLog=0.1", "reward.offset=0.24");
    // A negative weight turns the range over.
    assertThrows(UserError.class, () -> checkSign("reward.weights.diversity=-0.5"));
    checkSign("reward.weights.diversity=-0.5", "reward.offset=0.5");
    assertThrows(UserError.class, () -> checkSign("reward.offset=-0.1"));
  }

  @Test
  void anOffsetIsAddedToEveryReward() {
    assertArrayEquals(
        new float[] {0.5f, 2.5f},
        Rewards.total(Map.of("exact", new float[] {0, 1}), Map.of("exact", 2.0), 0.5));
  }

  @Test
  void allThatTheGoldTokenIsPaidGrowsWithThePolicysConfidence() {
    RewardConfig config = config("reward.goldConfidence=0.5", "reward.offset=1");
    Groups groups = exhaustive(3, logs(0.5, 0.3, 0.2, 0.1, 0.1, 0.8), A, B, C);
    // Golds are b and c. What is paid beyond the offset: 3 · (1 + 0.5 · 0.3), −2 · (1 + 0.5 · 0.8).
    float[] rewards = {1, 4, 2, 1, 1, -1};
    Rewards.scaleGold(groups, rewards, config);
    assertArrayEquals(new float[] {1, 4.45f, 2, 1, 1, -1.8f}, rewards, 1e-6f);
    float[] same = {1, 4, 2};
    Rewards.scaleGold(groups, same, config());
    assertArrayEquals(new float[] {1, 4, 2}, same);
    // What is below 0 without it is further below with it.
    checkSign("reward.weights.repetition=0.5", "reward.offset=0.75", "reward.goldConfidence=0.5");
    assertThrows(
        UserError.class,
        () ->
            checkSign(
                "reward.weights.repetition=0.5",
                "reward.offset=0.74",
                "reward.goldConfidence=0.5"));
  }

  @Test
  void wordsOfEachLengthCanBePaidByThemselves() {
    Corpus text = Corpus.of("text", "a be cat\na be cat\n".getBytes(UTF_8), 0.5);
    Map<String, Double> weights =
        Map.of("oneLetterWord", 1.0, "twoLetterWord", 1.0, "threeLetterWord", 1.0, "longWord", 1.0);
    Rewards rewards =
        new Rewards(
            new Rewards.Sources(
                config(), text, NgramCounts.of(text.train().toArray(), 8, 2), Optional.empty()),
            List.of(weights));
    int[] tokens = text.tokenizer().encode("\na be cat\n");
    Groups groups =
        TestGroups.ofWindows(
            1, tokens, 1, true, Arrays.copyOfRange(tokens, 1, 10), new float[9], new float[9]);
    Map<String, float[]> values = rewards.components(groups, weights);
    assertArrayEquals(new float[] {0, 1, 0, 0, 0, 0, 0, 0, 0}, values.get("oneLetterWord"));
    assertArrayEquals(new float[] {0, 0, 0, 0, 1, 0, 0, 0, 0}, values.get("twoLetterWord"));
    assertArrayEquals(new float[] {0, 0, 0, 0, 0, 0, 0, 0, 1}, values.get("threeLetterWord"));
    assertArrayEquals(new float[9], values.get("longWord"));
  }
}
