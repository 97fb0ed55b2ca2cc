package io.avatarl.learner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.ReferenceValues;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.LearnerConfig;
import io.avatarl.model.NativeEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class PolicyLossTest {
  private static final JsonNode REFERENCE = ReferenceValues.read("policy_loss");

  @BeforeAll
  static void load() {
    NativeEngine.load(1);
  }

  private record Result(double loss, double clipFraction, double kl, float[] gradient) {}

  /** Means over the groups, and the gradient of the mean loss. */
  private static Result loss(
      LearnerConfig config, JsonNode logits, JsonNode group, float[] advantages, boolean gather) {
    JniUtils.setGradMode(true);
    List<Integer> shape = ReferenceValues.shape(logits);
    List<Integer> entryShape = ReferenceValues.shape(group.get("weights"));
    Shape entries = new Shape(entryShape.get(0), entryShape.get(1));
    int n = shape.get(0);
    try (NDManager manager = NDManager.newBaseManager()) {
      NDArray z = manager.create(ReferenceValues.floats(logits), new Shape(n, shape.get(1)));
      z.setRequiresGradient(true);
      long[] actions = ReferenceValues.longs(ReferenceValues.ints(group.get("actions")));
      PolicyLoss.Terms terms =
          new PolicyLoss(config, manager)
              .terms(
                  z,
                  new PolicyLoss.Batch(
                      gather ? Optional.of(manager.create(actions, entries)) : Optional.empty(),
                      manager.create(ReferenceValues.floats(group.get("weights")), entries),
                      manager.create(ReferenceValues.floats(group.get("old_logprobs")), entries),
                      manager.create(advantages, entries)));
      NDArray seed = manager.create(1f / n);
      JniUtils.backward((PtNDArray) terms.loss(), (PtNDArray) seed, false, false);
      return new Result(
          terms.loss().getFloat() / n,
          terms.clipFraction().getFloat() / n,
          terms.kl().getFloat() / n,
          z.getGradient().toFloatArray());
    }
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
                "learner.entropy=" + test.get("entropy_coefficient")))
        .learner();
  }

  @TestFactory
  List<DynamicTest> lossTermsAndGradientAreThoseOfPyTorch() {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode test : REFERENCE.get("cases")) {
      // These have a term that pulls to a reference distribution, which the loss does not have.
      if (test.get("kl_coefficient").doubleValue() != 0) {
        continue;
      }
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
    assertEquals(10, tests.size());
    return tests;
  }

  private static void check(JsonNode test, boolean gather) {
    JsonNode group = REFERENCE.get("groups").get(test.get("exploration").textValue());
    JsonNode logits = REFERENCE.get(test.get("on_policy").booleanValue() ? "old_logits" : "logits");
    Result result =
        loss(config(test), logits, group, ReferenceValues.floats(group.get("advantages")), gather);
    assertEquals(test.get("loss").doubleValue(), result.loss(), 2e-6);
    assertEquals(test.get("clip_fraction").doubleValue(), result.clipFraction(), 1e-6);
    double[] ratios = ReferenceValues.doubles(test.get("ratio"));
    double[] weights = ReferenceValues.doubles(group.get("weights"));
    double kl = 0;
    for (int i = 0; i < ratios.length; i++) {
      kl += weights[i] * (ratios[i] - 1 - Math.log(ratios[i]));
    }
    int groups = ReferenceValues.shape(logits).get(0);
    assertEquals(kl / groups, result.kl(), 2e-6);
    if (test.get("exploration").textValue().equals("exhaustive")) {
      assertEquals(test.get("exact_kl").doubleValue(), result.kl(), 2e-6);
    }
    ReferenceValues.assertClose(
        "gradient", ReferenceValues.doubles(test.get("gradient")), result.gradient(), 1e-6);
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
    assertEquals(expected.get("maxrl_loss").doubleValue(), result.loss(), 2e-6);
    assertTrue(
        Math.abs(expected.get("cross_entropy").doubleValue() - result.loss()) > 0.1,
        "the values of the two losses differ");
  }
}
