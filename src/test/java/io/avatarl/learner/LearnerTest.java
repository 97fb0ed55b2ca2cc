package io.avatarl.learner;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import io.avatarl.NativeMemory;
import io.avatarl.ReferenceValues;
import io.avatarl.advantage.AdvantageEstimator;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.KlConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.model.Gpt;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import io.avatarl.rollout.Exploration;
import io.avatarl.rollout.ExplorationInput;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.ReferenceLogProbs;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.rollout.WindowBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LearnerTest {
  private static final int VOCABULARY = 7;

  @BeforeAll
  static void load() {
    NativeEngine.load(1);
  }

  /** A tiny model with weights large enough that nothing is nearly linear. */
  private static TrainingConfig config(String... overrides) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "model.layers=1",
                "model.heads=2",
                "model.width=8",
                "model.context=5",
                "learner.optimizer.warmup=0",
                "learner.slices=1"));
    all.addAll(List.of(overrides));
    return ConfigReader.read("test", "", all);
  }

  private static Parameters parameters(TrainingConfig config, int vocabulary) {
    return Parameters.random(ParameterLayout.of(config.model(), vocabulary), 0.4, 11);
  }

  private static int[] tokens(TrainingConfig config, int windows, int vocabulary) {
    Random random = new Random(5);
    int[] tokens = new int[windows * (config.model().context() + 1)];
    Arrays.setAll(tokens, i -> random.nextInt(vocabulary));
    return tokens;
  }

  /** Groups and advantages under the current parameters, reward 1 for the gold token. */
  private static RolloutShard rollouts(TrainingConfig config, Parameters parameters, int windows) {
    int vocabulary = parameters.layout().parameters().get(0).shape().get(0);
    int context = config.model().context();
    int[] tokens = tokens(config, windows, vocabulary);
    Groups groups;
    try (Policy policy = new Policy(config.model(), parameters)) {
      float[] logProbs = policy.logProbs(windows, inputs(tokens, windows, context));
      groups =
          Exploration.of(config.rollout(), vocabulary, Optional.empty(), Optional.empty())
              .explore(
                  new ExplorationInput(
                      WindowBatch.of(windows, tokens), logProbs, policy, new Random(3)));
    }
    int k = groups.actionsPerGroup();
    float[] rewards = new float[groups.count() * k];
    for (int i = 0; i < rewards.length; i++) {
      rewards[i] = groups.action(i / k, i % k) == groups.gold(i / k) ? 1 : 0;
    }
    float[] advantages = AdvantageEstimator.of(config.advantage()).advantages(groups, rewards);
    return new RolloutShard(
        0, groups, advantages, reference(config, groups, vocabulary), RolloutStatistics.NONE);
  }

  /** Another random policy's log-probabilities, as the configured estimator takes them. */
  private static float[] reference(TrainingConfig config, Groups groups, int vocabulary) {
    KlConfig kl = config.learner().kl();
    if (kl.reference() == KlConfig.Reference.NONE) {
      return new float[0];
    }
    Parameters other = Parameters.random(ParameterLayout.of(config.model(), vocabulary), 0.4, 12);
    try (Policy policy = new Policy(config.model(), other)) {
      return ReferenceLogProbs.select(
          kl.estimator(), groups, ReferenceLogProbs.policy(policy, groups), vocabulary);
    }
  }

  private static long[] inputs(int[] tokens, int windows, int context) {
    long[] inputs = new long[windows * context];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = tokens[i / context * (context + 1) + i % context];
    }
    return inputs;
  }

  private static Minibatch minibatch(TrainingConfig config, Parameters parameters, int windows) {
    return Minibatch.of(List.of(rollouts(config, parameters, windows)), 1).get(0);
  }

  /** Changes the policy so that ratios differ from 1. */
  private static void perturb(Parameters parameters, double std) {
    Random random = new Random(17);
    float[] values = parameters.toArray();
    for (ParameterLayout.Parameter p : parameters.layout().parameters()) {
      for (int i = p.offset(); i < p.offset() + p.size(); i++) {
        values[i] += (float) (std * random.nextGaussian());
      }
    }
    parameters.set(values);
  }

  private interface Loss {
    double at();
  }

  /** The derivative along {@code direction} by central differences. */
  private static double slope(Parameters parameters, float[] direction, double h, Loss loss) {
    float[] start = parameters.toArray();
    double[] losses = new double[2];
    for (int side = 0; side < 2; side++) {
      float[] moved = start.clone();
      for (int i = 0; i < moved.length; i++) {
        moved[i] += (float) ((side == 0 ? -h : h) * direction[i]);
      }
      parameters.set(moved);
      losses[side] = loss.at();
    }
    parameters.set(start);
    return (losses[1] - losses[0]) / (2 * h);
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  private static float[] unit(float[] vector) {
    double norm = Learner.norm(vector);
    float[] unit = vector.clone();
    for (int i = 0; i < unit.length; i++) {
      unit[i] /= (float) norm;
    }
    return unit;
  }

  /** The gradient's own direction, each parameter's part of it, and random ones. */
  private static List<float[]> directions(ParameterLayout layout, float[] gradient) {
    List<float[]> directions = new ArrayList<>();
    directions.add(unit(gradient));
    for (ParameterLayout.Parameter p : layout.parameters()) {
      float[] part = new float[gradient.length];
      System.arraycopy(gradient, p.offset(), part, p.offset(), p.size());
      directions.add(unit(part));
    }
    Random random = new Random(23);
    for (int i = 0; i < 4; i++) {
      float[] direction = new float[gradient.length];
      for (ParameterLayout.Parameter p : layout.parameters()) {
        for (int j = p.offset(); j < p.offset() + p.size(); j++) {
          direction[j] = (float) random.nextGaussian();
        }
      }
      directions.add(unit(direction));
    }
    return directions;
  }

  @ParameterizedTest
  @CsvSource({
    "grpo, exhaustive, policy",
    "dr-grpo, exhaustive, policy",
    "maxrl, exhaustive, policy",
    "grpo, exhaustive, uniform",
    "dr-grpo, exhaustive, uniform",
    "maxrl, exhaustive, uniform",
    "grpo, sampled, policy",
    "dr-grpo, sampled, policy",
    "maxrl, sampled, policy"
  })
  void theGradientIsTheSlopeOfTheLoss(String estimator, String exploration, String weights) {
    for (String form : List.of("rotary", "learned")) {
      TrainingConfig config =
          config(
              "advantage.estimator=" + estimator,
              "rollout.exploration=" + exploration,
              "rollout.weights=" + weights,
              "rollout.samples=6",
              "learner.entropy=0.01",
              "model.positions=" + form,
              "model.activation=gelu",
              "model.norm=" + (form.equals("rotary") ? "rms" : "layer"),
              "model.bias=" + form.equals("learned"));
      Parameters parameters = parameters(config, VOCABULARY);
      Minibatch minibatch = minibatch(config, parameters, 4);
      try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
        double groups = minibatch.groups();
        learner.gradients(minibatch);
        float[] gradient = learner.gradient().clone();
        double norm = Learner.norm(gradient);
        assertTrue(norm > 1e-3, "there is something to learn");
        for (float[] direction : directions(parameters.layout(), gradient)) {
          double slope =
              slope(
                  parameters, direction, 5e-3, () -> learner.gradients(minibatch).loss() / groups);
          assertEquals(dot(gradient, direction), slope, 0.005 * norm + 2e-4, form);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "exhaustive, full, 1, 0",
    "exhaustive, sampled, 1, 0",
    "sampled, full, 1, 0",
    "sampled, sampled, 1, 0",
    "sampled, full, 3, 0",
    "sampled, sampled, 3, 0",
    "exhaustive, full, 1, 0.3",
    "sampled, sampled, 3, 0.3"
  })
  void theGradientOfTheKlTermIsTheSlopeOfTheLoss(
      String exploration, String estimator, int horizon, double freeBits) {
    TrainingConfig config =
        config(
            "rollout.exploration=" + exploration,
            "rollout.samples=6",
            "rollout.horizon=" + horizon,
            "learner.entropy=0.02",
            "learner.kl.reference=initial",
            "learner.kl.weight=0.5",
            "learner.kl.estimator=" + estimator,
            "learner.kl.freeBits=" + freeBits,
            "model.activation=gelu");
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 4);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      double groups = minibatch.groups();
      LossSums sums = learner.gradients(minibatch);
      assertTrue(sums.referenceKl() / groups > 0.05, "far from the reference");
      float[] gradient = learner.gradient().clone();
      double norm = Learner.norm(gradient);
      // With free bits a small step, so that hardly a state crosses their edge on the way.
      double h = freeBits == 0 ? 5e-3 : 1e-3;
      double tolerance = freeBits == 0 ? 0.005 * norm + 2e-4 : 0.03 * norm;
      for (float[] direction :
          freeBits == 0 ? directions(parameters.layout(), gradient) : List.of(unit(gradient))) {
        double slope =
            slope(parameters, direction, h, () -> learner.gradients(minibatch).loss() / groups);
        assertEquals(dot(gradient, direction), slope, tolerance);
      }
    }
  }

  @Test
  void onPolicyContinuationsHaveRatioOneAndTheirAdvantagesWeighFully() {
    TrainingConfig config =
        config(
            "rollout.exploration=sampled",
            "rollout.samples=4",
            "rollout.horizon=3",
            "rollout.temperature=1.3",
            "rollout.topK=5",
            "advantage.estimator=dr-grpo");
    Parameters parameters = parameters(config, VOCABULARY);
    RolloutShard shard = rollouts(config, parameters, 5);
    Minibatch minibatch = Minibatch.of(List.of(shard), 1).get(0);
    assertEquals(5 * 4, minibatch.windows());
    assertEquals(5 * 4 * 3, minibatch.groups());
    assertEquals(2, minibatch.first());
    // Where actions sit at the wrong position, the ratios are anything but 1.
    double lowest = 0;
    try (Policy policy = new Policy(config.model(), parameters)) {
      float[] all = ReferenceLogProbs.policy(policy, shard.groups());
      float[] chosen =
          ReferenceLogProbs.select(KlConfig.Estimator.SAMPLED, shard.groups(), all, VOCABULARY);
      assertArrayEquals(shard.groups().logProbs(), chosen, 1e-4f);
      for (float logProb : chosen) {
        lowest = Math.min(lowest, logProb);
      }
    }
    assertTrue(lowest < -2, "not all tokens are equally likely");
    // A zero weight on the mean would not show: the advantages of a row do not sum to 0.
    float[] advantages = shard.advantages().clone();
    double sum = 0;
    for (int i = 0; i < advantages.length; i++) {
      advantages[i] += i % 3;
      sum += advantages[i];
    }
    Minibatch shifted =
        Minibatch.of(
                List.of(
                    new RolloutShard(
                        0, shard.groups(), advantages, new float[0], RolloutStatistics.NONE)),
                1)
            .get(0);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      UpdateMetrics metrics = learner.update(shifted);
      assertEquals(0, metrics.kl(), 1e-6);
      assertEquals(0, metrics.clipFraction());
      assertEquals(-sum / advantages.length, metrics.loss(), 1e-4, "mean over all tokens");
    }
  }

  @Test
  void offPolicyTheGradientIsTheSlopeOfTheClippedLoss() {
    TrainingConfig config = config("model.activation=gelu");
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 4);
    perturb(parameters, 0.03);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      double groups = minibatch.groups();
      double clipped = learner.gradients(minibatch).clipFraction() / groups;
      assertTrue(clipped > 0.05 && clipped < 0.95, "some are clipped: " + clipped);
      float[] gradient = learner.gradient().clone();
      // A small step, so that hardly a ratio crosses the edge of the clip range on the way.
      double slope =
          slope(
              parameters, unit(gradient), 1e-3, () -> learner.gradients(minibatch).loss() / groups);
      assertEquals(Learner.norm(gradient), slope, 0.03 * Learner.norm(gradient));
    }
  }

  @Test
  void maxRlOverAllActionsFollowsTheSlopeOfTheCrossEntropy() {
    TrainingConfig config = config("model.activation=gelu");
    Parameters parameters = parameters(config, VOCABULARY);
    int windows = 4;
    int context = config.model().context();
    int[] tokens = tokens(config, windows, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, windows);
    Loss crossEntropy =
        () -> {
          try (Policy policy = new Policy(config.model(), parameters)) {
            float[] logProbs = policy.logProbs(windows, inputs(tokens, windows, context));
            double sum = 0;
            for (int g = 0; g < windows * context; g++) {
              int gold = tokens[g / context * (context + 1) + g % context + 1];
              sum -= logProbs[g * VOCABULARY + gold];
            }
            return sum / (windows * context);
          }
        };
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      learner.gradients(minibatch);
      float[] gradient = learner.gradient().clone();
      double norm = Learner.norm(gradient);
      for (float[] direction : directions(parameters.layout(), gradient)) {
        double slope = slope(parameters, direction, 5e-3, crossEntropy);
        assertEquals(dot(gradient, direction), slope, 0.005 * norm + 2e-4);
      }
    }
  }

  @Test
  void theYardstickFollowsTheSlopeOfTheCrossEntropy() {
    TrainingConfig config = config("model.activation=gelu", "learner.slices=2");
    Parameters parameters = parameters(config, VOCABULARY);
    WindowBatch rows = WindowBatch.of(4, tokens(config, 4, VOCABULARY));
    Groups gold = Groups.gold(rows);
    Minibatch minibatch =
        Minibatch.of(
                List.of(
                    new RolloutShard(
                        0, gold, new float[gold.count()], new float[0], RolloutStatistics.NONE)),
                1)
            .get(0);
    Loss crossEntropy =
        () -> {
          try (Policy policy = new Policy(config.model(), parameters)) {
            float[] logProbs = policy.logProbs(4, ReferenceValues.longs(rows.inputs()));
            double sum = 0;
            for (int g = 0; g < gold.count(); g++) {
              sum -= logProbs[g * VOCABULARY + rows.golds()[g]];
            }
            return sum / gold.count();
          }
        };
    try (Learner learner = Learner.crossEntropy(config.learner(), config.model(), parameters, 10)) {
      assertEquals(crossEntropy.at(), learner.gradients(minibatch).loss() / gold.count(), 1e-6);
      float[] gradient = learner.gradient().clone();
      double norm = Learner.norm(gradient);
      for (float[] direction : directions(parameters.layout(), gradient)) {
        double slope = slope(parameters, direction, 5e-3, crossEntropy);
        assertEquals(dot(gradient, direction), slope, 0.005 * norm + 2e-4);
      }
    }
  }

  @Test
  void slicesGiveTheSameGradientButForRounding() {
    float[] whole = null;
    double wholeLoss = 0;
    for (int slices = 1; slices <= 3; slices++) {
      TrainingConfig config = config("learner.slices=" + slices, "learner.entropy=0.1");
      Parameters parameters = parameters(config, VOCABULARY);
      Minibatch minibatch = minibatch(config, parameters, 7);
      perturb(parameters, 0.02);
      try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
        LossSums sums = learner.gradients(minibatch);
        float[] first = learner.gradient().clone();
        for (int repetition = 0; repetition < 5; repetition++) {
          assertEquals(sums, learner.gradients(minibatch));
          assertArrayEquals(first, learner.gradient(), "bit for bit");
        }
        if (whole == null) {
          whole = first;
          wholeLoss = sums.loss();
        }
        double largest = 0;
        for (int i = 0; i < whole.length; i++) {
          largest = Math.max(largest, Math.abs(whole[i]));
        }
        assertArrayEquals(whole, first, (float) (2e-6 * largest));
        assertEquals(wholeLoss, sums.loss(), 1e-5 * Math.max(1, Math.abs(wholeLoss)));
      }
    }
  }

  @Test
  void oneWindowIsNotCutIntoTwoSlices() {
    TrainingConfig two = config("learner.slices=2");
    TrainingConfig one = config("learner.slices=1");
    Parameters parameters = parameters(two, VOCABULARY);
    Minibatch minibatch = minibatch(two, parameters, 1);
    try (Learner expected = new Learner(one.learner(), one.model(), parameters, 10);
        Learner actual = new Learner(two.learner(), two.model(), parameters, 10)) {
      // What a larger minibatch left in the second slice's gradient does not count.
      actual.gradients(minibatch(two, parameters, 6));
      assertEquals(expected.gradients(minibatch), actual.gradients(minibatch));
      assertArrayEquals(expected.gradient(), actual.gradient());
    }
  }

  @Test
  void minibatchesPartTheWindowsOfAllShardsInOrder() {
    TrainingConfig config = config("rollout.exploration=sampled", "rollout.samples=3");
    Parameters parameters = parameters(config, VOCABULARY);
    RolloutShard shard = rollouts(config, parameters, 5);
    Groups all = shard.groups();
    int context = all.context();
    int k = all.actionsPerGroup();
    List<RolloutShard> shards = List.of(part(shard, 0, 2), part(shard, 2, 3), part(shard, 3, 5));
    List<Minibatch> minibatches = Minibatch.of(shards, 2);
    assertEquals(List.of(2, 3), minibatches.stream().map(Minibatch::windows).toList());
    long[] inputs = ReferenceValues.longs(all.tokens());
    int window = 0;
    for (Minibatch minibatch : minibatches) {
      int from = window * context;
      int to = from + minibatch.groups();
      assertArrayEquals(Arrays.copyOfRange(inputs, from, to), minibatch.inputs());
      long[] actions = minibatch.actions().orElseThrow();
      float[] advantages = new float[actions.length];
      minibatch.advantages().asFloatBuffer().get(advantages);
      float[] logProbs = new float[actions.length];
      minibatch.oldLogProbs().asFloatBuffer().get(logProbs);
      for (int i = 0; i < actions.length; i++) {
        assertEquals(all.actions()[from * k + i], actions[i]);
        assertEquals(all.logProbs()[from * k + i], logProbs[i]);
        assertEquals(shard.advantages()[from * k + i], advantages[i]);
      }
      window += minibatch.windows();
    }
  }

  private static RolloutShard part(RolloutShard shard, int first, int last) {
    Groups g = shard.groups();
    int entries = g.context() * g.actionsPerGroup();
    int from = first * entries;
    int to = last * entries;
    return new RolloutShard(
        first,
        new Groups(
            last - first,
            g.context(),
            0,
            1,
            Arrays.copyOfRange(g.tokens(), first * g.context(), last * g.context()),
            Arrays.copyOfRange(g.golds(), first * g.context(), last * g.context()),
            g.actionsPerGroup(),
            g.sampled(),
            Arrays.copyOfRange(g.actions(), from, to),
            Arrays.copyOfRange(g.weights(), from, to),
            Arrays.copyOfRange(g.logProbs(), from, to)),
        Arrays.copyOfRange(shard.advantages(), from, to),
        new float[0],
        RolloutStatistics.NONE);
  }

  @Test
  void anUpdateIsClippedAdamWOnTheGradient() {
    TrainingConfig config =
        config("learner.optimizer.clipNorm=0.01", "learner.optimizer.learningRate=0.1");
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 3);
    float[] expected = parameters.toArray();
    AdamW optimizer = new AdamW(parameters.layout(), config.learner().optimizer());
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      learner.gradients(minibatch);
      double norm = Learner.norm(learner.gradient());
      assertTrue(norm > 0.01);
      optimizer.step(1, 0.1, expected, learner.gradient(), (float) (0.01 / (norm + 1e-6)));
      UpdateMetrics metrics = learner.update(minibatch);
      assertArrayEquals(expected, parameters.toArray());
      assertArrayEquals(optimizer.firstMoment(), learner.moments()[0]);
      assertArrayEquals(optimizer.secondMoment(), learner.moments()[1]);
      assertEquals(1, metrics.update());
      assertEquals(1, learner.updates());
      assertEquals(norm, metrics.gradientNorm());
      assertEquals(0.1, metrics.learningRate());
      assertEquals(0, metrics.kl(), 1e-6, "on policy");
      assertEquals(0, metrics.clipFraction());
    }
  }

  @Test
  void aResumedLearnerGoesOnBitForBit() {
    TrainingConfig config = config();
    Parameters straight = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, straight, 3);
    Parameters stopped = parameters(config, VOCABULARY);
    float[][] moments;
    try (Learner learner = new Learner(config.learner(), config.model(), stopped, 10)) {
      learner.update(minibatch);
      learner.update(minibatch);
      moments = new float[][] {learner.moments()[0].clone(), learner.moments()[1].clone()};
    }
    Parameters resumed = new Parameters(stopped.layout());
    try (Learner whole = new Learner(config.learner(), config.model(), straight, 10);
        Learner second = new Learner(config.learner(), config.model(), resumed, 10)) {
      resumed.set(stopped.toArray());
      second.resume(2, moments);
      second.update(minibatch);
      for (int i = 0; i < 3; i++) {
        whole.update(minibatch);
      }
      assertEquals(whole.updates(), second.updates());
      assertEquals(straight.sha256(), resumed.sha256());
    }
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
  void aLossThatIsNoNumberChangesNothing(float advantage) {
    TrainingConfig config = config("learner.slices=2");
    Parameters parameters = parameters(config, VOCABULARY);
    RolloutShard shard = rollouts(config, parameters, 3);
    Minibatch good = Minibatch.of(List.of(shard), 1).get(0);
    float[] advantages = shard.advantages().clone();
    advantages[advantages.length - 2] = advantage;
    Minibatch bad =
        Minibatch.of(
                List.of(
                    new RolloutShard(
                        0, shard.groups(), advantages, new float[0], RolloutStatistics.NONE)),
                1)
            .get(0);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      learner.update(good);
      String hash = parameters.sha256();
      float[] first = learner.moments()[0].clone();
      float[] second = learner.moments()[1].clone();
      DivergedException error = assertThrows(DivergedException.class, () -> learner.update(bad));
      assertTrue(
          error.getMessage().contains("at update 2: not finite: surrogate, gradient ("),
          error.getMessage());
      assertTrue(error.getMessage().contains("learner.optimizer.learningRate"));
      assertEquals(hash, parameters.sha256());
      assertArrayEquals(first, learner.moments()[0]);
      assertArrayEquals(second, learner.moments()[1]);
      assertEquals(1, learner.updates());
      learner.update(good);
      assertTrue(Double.isFinite(Learner.norm(parameters.toArray())), "it can go on");
    }
  }

  @Test
  void aDivergenceNamesTheTermsThatAreNotFinite() {
    TrainingConfig config =
        config("learner.kl.reference=initial", "learner.entropy=0.1", "learner.kl.weight=0.1");
    Parameters parameters = parameters(config, VOCABULARY);
    RolloutShard shard = rollouts(config, parameters, 3);
    float[] reference = shard.reference().clone();
    reference[4] = Float.NEGATIVE_INFINITY;
    Minibatch bad =
        Minibatch.of(
                List.of(
                    new RolloutShard(
                        0, shard.groups(), shard.advantages(), reference, RolloutStatistics.NONE)),
                1)
            .get(0);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      DivergedException error = assertThrows(DivergedException.class, () -> learner.update(bad));
      assertTrue(
          error.getMessage().contains("at update 1: not finite: KL to the reference"),
          error.getMessage());
    }
    float[] broken = parameters.toArray();
    broken[0] = Float.NaN;
    Minibatch good = Minibatch.of(List.of(shard), 1).get(0);
    parameters.set(broken);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      DivergedException error = assertThrows(DivergedException.class, () -> learner.update(good));
      assertTrue(
          error
              .getMessage()
              .contains(
                  "not finite: entropy, KL to the reference, KL to the policy that explored,"
                      + " gradient ("),
          error.getMessage());
    }
  }

  @Test
  void parametersThatStopBeingNumbersAreNotPublished() {
    TrainingConfig config = config();
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 3);
    String hash = parameters.sha256();
    for (float moment : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
      try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
        float[][] moments = {learner.moments()[0].clone(), learner.moments()[1].clone()};
        moments[0][parameters.layout().parameters().get(1).offset()] = moment;
        learner.resume(4, moments);
        DivergedException error =
            assertThrows(DivergedException.class, () -> learner.update(minibatch));
        assertTrue(
            error.getMessage().contains("at update 5: not finite: parameters ("),
            error.getMessage());
        assertEquals(hash, parameters.sha256());
        assertEquals(4, learner.updates());
      }
    }
  }

  @Test
  void aSliceThatFailsDoesNotLeaveTheOthersRunning() {
    TrainingConfig config = config("learner.slices=3", "rollout.exploration=sampled");
    Parameters parameters = parameters(config, VOCABULARY);
    RolloutShard shard = rollouts(config, parameters, 60);
    Minibatch good = Minibatch.of(List.of(shard), 1).get(0);
    int[] tokens = shard.groups().tokens().clone();
    tokens[0] = VOCABULARY + 1; // no such row in the embedding
    Groups g = shard.groups();
    Groups broken =
        new Groups(
            g.windows(),
            g.context(),
            0,
            1,
            tokens,
            g.golds(),
            g.actionsPerGroup(),
            g.sampled(),
            g.actions(),
            g.weights(),
            g.logProbs());
    Minibatch bad =
        Minibatch.of(
                List.of(
                    new RolloutShard(
                        0, broken, shard.advantages(), new float[0], RolloutStatistics.NONE)),
                1)
            .get(0);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      learner.gradients(good);
      float[] expected = learner.gradient().clone();
      int held = NativeMemory.held(learner.lossGradient.manager);
      assertThrows(RuntimeException.class, () -> learner.gradients(bad));
      assertEquals(
          held,
          NativeMemory.held(learner.lossGradient.manager),
          "every slice has freed its memory");
      Thread.currentThread().interrupt();
      learner.gradients(good);
      assertTrue(Thread.interrupted(), "an interruption is kept");
      assertArrayEquals(expected, learner.gradient());
    }
  }

  @Test
  void garbageCollectionBetweenForwardAndBackwardChangesNoBit() {
    TrainingConfig config = config("learner.entropy=0.1");
    Parameters parameters = parameters(config, VOCABULARY);
    Minibatch minibatch = minibatch(config, parameters, 3);
    perturb(parameters, 0.02);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      learner.gradients(minibatch);
      assertArrayEquals(
          learner.gradient(), gradient(config, parameters, minibatch, NativeMemory::churn));
    }
  }

  /** What the learner does for one slice, with something in the middle. */
  private static float[] gradient(
      TrainingConfig config, Parameters parameters, Minibatch minibatch, Runnable between) {
    JniUtils.setGradMode(true);
    try (NDManager manager = NDManager.newBaseManager();
        Gpt gpt = new Gpt(config.model(), manager);
        NDManager scope = manager.newSubManager()) {
      PolicyLoss loss = new PolicyLoss(config.learner(), manager);
      Shape entries = new Shape(minibatch.groups(), minibatch.actionsPerGroup());
      NDArray tokens =
          scope.create(minibatch.inputs(), new Shape(minibatch.windows(), minibatch.context()));
      try (Gpt.Trace trace = gpt.trace(parameters.tensors(scope), tokens)) {
        NDArray logits = trace.logits();
        logits.setRequiresGradient(true);
        PolicyLoss.Terms terms =
            loss.terms(
                logits.reshape(minibatch.groups(), VOCABULARY),
                new PolicyLoss.Batch(
                    minibatch.actions().map(a -> scope.create(a, entries)),
                    scope.create(minibatch.weights(), entries, DataType.FLOAT32),
                    scope.create(minibatch.oldLogProbs(), entries, DataType.FLOAT32),
                    scope.create(minibatch.advantages(), entries, DataType.FLOAT32),
                    Optional.empty()));
        between.run();
        NDArray seed = scope.create(1f / minibatch.groups());
        JniUtils.backward((PtNDArray) terms.loss(), (PtNDArray) seed, false, false);
        between.run();
        Map<String, NDArray> gradients = trace.backward(logits.getGradient());
        float[] gradient = new float[parameters.layout().length()];
        for (ParameterLayout.Parameter p : parameters.layout().parameters()) {
          float[] part = gradients.get(p.name()).toFloatArray();
          System.arraycopy(part, 0, gradient, p.offset(), p.size());
        }
        return gradient;
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"exhaustive", "sampled"})
  void updatesLeaveNothingBehind(String exploration) {
    // Large enough that one array kept per update would show in the resident memory.
    int vocabulary = 1000;
    TrainingConfig config =
        config(
            "model.context=32",
            "rollout.exploration=" + exploration,
            "rollout.samples=256",
            "learner.entropy=0.01",
            "learner.slices=2");
    Parameters parameters = parameters(config, vocabulary);
    Minibatch minibatch = minibatch(config, parameters, 8);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 1000)) {
      for (int i = 0; i < 20; i++) {
        learner.update(minibatch);
      }
      int held = NativeMemory.held(learner.lossGradient.manager);
      assertTrue(held > 0);
      // The Java heap may grow in one round for reasons of its own, a leak grows in all of them.
      long grown = Long.MAX_VALUE;
      for (int round = 0; round < 3 && grown >= 60 << 20; round++) {
        System.gc();
        long resident = NativeMemory.resident();
        for (int i = 0; i < 100; i++) {
          learner.update(minibatch);
        }
        assertEquals(held, NativeMemory.held(learner.lossGradient.manager));
        System.gc();
        grown = NativeMemory.resident() - resident;
      }
      assertTrue(grown < 60 << 20, "resident memory grew by " + grown + " bytes");
    }
  }
}
