package io.avatarl.learner;

import static io.avatarl.learner.LearnerFixture.VOCABULARY;
import static io.avatarl.learner.LearnerFixture.config;
import static io.avatarl.learner.LearnerFixture.inputs;
import static io.avatarl.learner.LearnerFixture.minibatch;
import static io.avatarl.learner.LearnerFixture.parameters;
import static io.avatarl.learner.LearnerFixture.perturb;
import static io.avatarl.learner.LearnerFixture.rollouts;
import static io.avatarl.learner.LearnerFixture.tokens;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.ReferenceValues;
import io.avatarl.config.KlConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.ReferenceLogProbs;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.rollout.WindowBatch;
import io.avatarl.yardstick.CrossEntropyTraining;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every gradient is the slope of its loss, measured by central differences. */
@Tag("numerical")
class LossGradientTest {
  @BeforeAll
  static void load() {
    NativeEngine.load(1);
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
    try (Learner learner =
        CrossEntropyTraining.learner(config.learner(), config.model(), parameters, 10)) {
      assertEquals(crossEntropy.at(), learner.gradients(minibatch).loss() / gold.count(), 1e-6);
      float[] gradient = learner.gradient().clone();
      double norm = Learner.norm(gradient);
      for (float[] direction : directions(parameters.layout(), gradient)) {
        double slope = slope(parameters, direction, 5e-3, crossEntropy);
        assertEquals(dot(gradient, direction), slope, 0.005 * norm + 2e-4);
      }
    }
  }
}
