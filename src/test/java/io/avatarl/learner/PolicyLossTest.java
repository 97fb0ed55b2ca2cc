package io.avatarl.learner;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.ReferenceValues;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.KlConfig;
import io.avatarl.config.LearnerConfig;
import io.avatarl.model.NativeEngine;
import io.avatarl.yardstick.CrossEntropy;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

@Tag("numerical")
class PolicyLossTest {
  private static final JsonNode REFERENCE = ReferenceValues.read("policy_loss");

  @BeforeAll
  static void load() {
    NativeEngine.load(1);
  }

  private record Result(LossSums sums, int groups, float[] gradient) {
    double mean(ToDoubleFunction<LossSums> term) {
      return term.applyAsDouble(sums) / groups;
    }
  }

  /** Means over the groups, and the gradient of the mean loss. */
  private static Result loss(
      LearnerConfig config, JsonNode logits, JsonNode group, float[] advantages, boolean gather) {
    List<Integer> shape = ReferenceValues.shape(logits);
    List<Integer> entryShape = ReferenceValues.shape(group.get("weights"));
    Shape entries = new Shape(entryShape.get(0), entryShape.get(1));
    int n = shape.get(0);
    try (NDManager manager = NDManager.newBaseManager()) {
      NDArray z = manager.create(ReferenceValues.floats(logits), new Shape(n, shape.get(1)));
      long[] actions = ReferenceValues.longs(ReferenceValues.ints(group.get("actions")));
      Objective.Value value =
          new PolicyLoss(config)
              .value(
                  z,
                  new Objective.Batch(
                      gather ? Optional.of(manager.create(actions, entries)) : Optional.empty(),
                      manager.create(ReferenceValues.floats(group.get("weights")), entries),
                      manager.create(ReferenceValues.floats(group.get("old_logprobs")), entries),
                      manager.create(advantages, entries),
                      config.kl().reference() == KlConfig.Reference.NONE
                          ? Optional.empty()
                          : Optional.of(reference(config.kl(), manager, actions, entries))),
                  1.0 / n);
      assertArrayEquals(ReferenceValues.floats(logits), z.toFloatArray(), "logits are kept");
      return new Result(value.sums(), n, value.gradient().toFloatArray());
    }
  }

  /** The stored reference as the estimator takes it: of all tokens, or of the actions. */
  private static Objective.Reference reference(
      KlConfig kl, NDManager manager, long[] actions, Shape entries) {
    float[] all = ReferenceValues.floats(REFERENCE.get("reference"));
    int vocabulary = ReferenceValues.shape(REFERENCE.get("reference")).get(1);
    float[] logProbs =
        new float[kl.estimator() == KlConfig.Estimator.FULL ? all.length : actions.length];
    int width = logProbs.length / (all.length / vocabulary);
    for (int i = 0; i < logProbs.length; i++) {
      int token = logProbs.length == all.length ? i % vocabulary : (int) actions[i];
      logProbs[i] = (float) Math.log(all[i / width * vocabulary + token]);
    }
    return new Objective.Reference(
        manager.create(logProbs, new Shape(entries.get(0), width)), kl.weight());
  }

  private static LearnerConfig config(JsonNode test) {
    boolean clips = !test.get("clip_low").isNull();
    // A range from 0 to far beyond any ratio does not clip.
    return ConfigReader.read(
            "",
            "",
            List.of(
                "learner.clipLow=" + (clips ? test.get("clip_low") : "1"),
                "learner.clipHigh=" + (clips ? test.get("clip_high") : "1e30"),
                "learner.entropy=" + test.get("entropy_coefficient"),
                "learner.kl.reference="
                    + (test.get("kl_coefficient").doubleValue() == 0 ? "none" : "ngram"),
                "learner.kl.weight=" + test.get("kl_coefficient"),
                "learner.kl.estimator=" + test.get("kl_estimator").textValue(),
                "learner.kl.freeBits=" + test.get("free_bits")))
        .learner();
  }

  @TestFactory
  List<DynamicTest> lossTermsAndGradientAreThoseOfPyTorch() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode test : REFERENCE.get("cases")) {
      String exploration = test.get("exploration").textValue();
      tests.add(
          DynamicTest.dynamicTest(
              test.get("name").textValue() + ", " + exploration,
              () -> {
                // Exhaustive groups have no list of actions; with one they have to agree too.
                check(test, exploration.equals("sampled"));
                check(test, true);
              }));
    }
    assertEquals(20, tests.size());
    return tests;
  }

  /** Probabilities that are 1 and, in float32, 0: by hand, KL(π ‖ uniform) = log 3. */
  @Test
  void probabilitiesZeroAndOneLeaveNumbers() {
    LearnerConfig config =
        ConfigReader.read(
                "",
                "",
                List.of(
                    "learner.entropy=0.1", "learner.kl.reference=ngram", "learner.kl.weight=0.5"))
            .learner();
    try (NDManager manager = NDManager.newBaseManager()) {
      Shape entries = new Shape(1, 3);
      float uniform = (float) -Math.log(3);
      Objective.Value value =
          new PolicyLoss(config)
              .value(
                  manager.create(new float[] {0, -200, -200}, entries),
                  new Objective.Batch(
                      Optional.empty(),
                      manager.create(new float[] {1, 0, 0}, entries),
                      manager.create(new float[] {0, -200, -200}, entries),
                      manager.create(new float[] {-1, Float.MAX_VALUE, 0}, entries),
                      Optional.of(
                          new Objective.Reference(
                              manager.create(new float[] {uniform, uniform, uniform}, entries),
                              0.5))),
                  1);
      assertEquals(1 + 0.5 * Math.log(3), value.sums().loss(), 1e-6);
      assertEquals(0, value.sums().entropy(), 1e-6);
      for (float slope : value.gradient().toFloatArray()) {
        assertEquals(0, slope, 1e-6);
      }
    }
  }

  private static void check(JsonNode test, boolean gather) {
    JsonNode group = REFERENCE.get("groups").get(test.get("exploration").textValue());
    JsonNode logits = REFERENCE.get(test.get("on_policy").booleanValue() ? "old_logits" : "logits");
    Result result =
        loss(config(test), logits, group, ReferenceValues.floats(group.get("advantages")), gather);
    assertEquals(test.get("loss").doubleValue(), result.mean(LossSums::loss), 2e-6);
    assertEquals(
        test.get("clip_fraction").doubleValue(), result.mean(LossSums::clipFraction), 1e-6);
    double[] ratios = ReferenceValues.doubles(test.get("ratio"));
    double[] weights = ReferenceValues.doubles(group.get("weights"));
    double kl = 0;
    for (int i = 0; i < ratios.length; i++) {
      kl += weights[i] * (ratios[i] - 1 - Math.log(ratios[i]));
    }
    int groups = ReferenceValues.shape(logits).get(0);
    assertEquals(kl / groups, result.mean(LossSums::kl), 2e-6);
    if (test.get("exploration").textValue().equals("exhaustive")) {
      assertEquals(test.get("exact_kl").doubleValue(), result.mean(LossSums::kl), 2e-6);
    }
    if (test.get("entropy_coefficient").doubleValue() != 0) {
      assertEquals(test.get("entropy").doubleValue(), result.mean(LossSums::entropy), 2e-6);
    }
    if (test.get("kl_coefficient").doubleValue() != 0) {
      assertEquals(
          test.get("kl_reference").doubleValue(), result.mean(LossSums::referenceKl), 2e-6);
    }
    ReferenceValues.assertClose(
        "gradient", ReferenceValues.doubles(test.get("gradient")), result.gradient(), 1e-6);
  }

  @Test
  void theYardstickIsCrossEntropy() {
    JsonNode expected = REFERENCE.get("maxrl_is_cross_entropy");
    try (NDManager manager = NDManager.newBaseManager()) {
      JsonNode logits = REFERENCE.get("old_logits");
      int n = ReferenceValues.shape(logits).get(0);
      Shape entries = new Shape(n, 1);
      long[] gold = ReferenceValues.longs(ReferenceValues.ints(expected.get("gold")));
      NDArray none = manager.zeros(entries);
      Objective.Value value =
          new CrossEntropy()
              .value(
                  manager.create(
                      ReferenceValues.floats(logits),
                      new Shape(n, ReferenceValues.shape(logits).get(1))),
                  new Objective.Batch(
                      Optional.of(manager.create(gold, entries)),
                      manager.ones(entries),
                      none,
                      none,
                      Optional.empty()),
                  1.0 / n);
      assertEquals(expected.get("cross_entropy").doubleValue(), value.sums().loss() / n, 1e-6);
      ReferenceValues.assertClose(
          "gradient",
          ReferenceValues.doubles(expected.get("cross_entropy_gradient")),
          value.gradient().toFloatArray(),
          1e-6);
    }
  }

  @Test
  void maxRlOverAllActionsHasTheGradientOfCrossEntropy() {
    JsonNode expected = REFERENCE.get("maxrl_is_cross_entropy");
    LearnerConfig config = ConfigReader.read("", "", List.of()).learner();
    Result result =
        loss(
            config,
            REFERENCE.get("old_logits"),
            REFERENCE.get("groups").get("exhaustive"),
            ReferenceValues.floats(expected.get("advantages")),
            false);
    ReferenceValues.assertClose(
        "gradient",
        ReferenceValues.doubles(expected.get("cross_entropy_gradient")),
        result.gradient(),
        1e-6);
    assertEquals(expected.get("maxrl_loss").doubleValue(), result.mean(LossSums::loss), 2e-6);
    assertTrue(
        Math.abs(expected.get("cross_entropy").doubleValue() - result.mean(LossSums::loss)) > 0.1,
        "the values of the two losses differ");
  }
}
