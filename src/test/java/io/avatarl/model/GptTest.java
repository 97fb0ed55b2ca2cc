package io.avatarl.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import io.avatarl.NativeMemory;
import io.avatarl.ReferenceValues;
import io.avatarl.bench.AutogradGpt;
import io.avatarl.config.GptConfig;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class GptTest {
  @BeforeAll
  static void load() {
    NativeEngine.load(1);
  }

  /** Logits, loss and gradients of the reference's loss, Σ logits · loss_weights / (B·T). */
  private record Pass(float[] logits, double loss, Map<String, float[]> gradients) {
    static Pass of(ReferenceGpt reference, Runnable betweenForwardAndBackward) {
      return of(reference, false, betweenForwardAndBackward);
    }

    static Pass of(ReferenceGpt reference, boolean recompute, Runnable betweenForwardAndBackward) {
      try (NDManager manager = NDManager.newBaseManager();
          Gpt gpt = new Gpt(reference.config(), manager);
          NDManager scope = manager.newSubManager()) {
        int positions = reference.tokens().length;
        NDArray tokens =
            scope.create(
                ReferenceValues.longs(reference.tokens()),
                new Shape(reference.windows(), positions / reference.windows()));
        try (Gpt.Trace trace =
            gpt.trace(reference.parameters().tensors(scope), tokens, 0, recompute)) {
          NDArray logits = trace.logits();
          NDArray lossWeights =
              scope.create(
                  ReferenceValues.floats(reference.json().get("loss_weights")), logits.getShape());
          float loss = logits.mul(lossWeights).sum().getFloat();
          betweenForwardAndBackward.run();
          Map<String, float[]> gradients = new LinkedHashMap<>();
          trace
              .backward(lossWeights.div(positions))
              .forEach((name, gradient) -> gradients.put(name, gradient.toFloatArray()));
          return new Pass(logits.toFloatArray(), loss / positions, gradients);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2", "gpt_mixed", "gpt_shift"})
  void recomputingABlockChangesNoBit(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    Pass expected = Pass.of(reference, () -> {});
    Pass pass = Pass.of(reference, true, () -> {});
    assertArrayEquals(expected.logits(), pass.logits());
    assertEquals(expected.gradients().keySet(), pass.gradients().keySet());
    expected
        .gradients()
        .forEach(
            (parameter, gradient) ->
                assertArrayEquals(gradient, pass.gradients().get(parameter), parameter));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2", "gpt_mixed", "gpt_shift"})
  void logitsAndGradientsAreThoseOfPyTorch(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    Pass pass = Pass.of(reference, () -> {});
    ReferenceValues.assertClose(
        "logits", ReferenceValues.doubles(reference.json().get("logits")), pass.logits(), 2e-5);
    assertEquals(reference.json().get("loss").doubleValue(), pass.loss(), 1e-5);
    assertEquals(reference.json().get("gradients").size(), pass.gradients().size());
    pass.gradients()
        .forEach(
            (parameter, gradient) ->
                ReferenceValues.assertClose(
                    parameter,
                    ReferenceValues.doubles(reference.json().get("gradients").get(parameter)),
                    gradient,
                    2e-5));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2", "gpt_mixed", "gpt_shift"})
  void garbageCollectionBetweenForwardAndBackwardChangesNoBit(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    Pass undisturbed = Pass.of(reference, () -> {});
    Pass disturbed = Pass.of(reference, NativeMemory::churn);
    undisturbed
        .gradients()
        .forEach(
            (parameter, gradient) ->
                assertArrayEquals(gradient, disturbed.gradients().get(parameter), parameter));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2", "gpt_mixed", "gpt_shift"})
  void noPositionSeesTheTokensAfterIt(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    float[] before = Pass.of(reference, () -> {}).logits();
    int context = reference.config().context();
    int vocabulary = reference.vocabulary();
    int changed = 5;
    int[] tokens = reference.tokens();
    tokens[changed] = (tokens[changed] + 1) % vocabulary;
    float[] after = Pass.of(reference, () -> {}).logits();
    for (int t = 0; t < context; t++) {
      boolean same = true;
      for (int i = t * vocabulary; i < (t + 1) * vocabulary; i++) {
        same &= before[i] == after[i];
      }
      assertEquals(t < changed, same, "position " + t);
    }
    assertTrue(context > changed);
  }

  /** Large enough for every kernel of the default shape; the reference values are of a tiny one. */
  @ParameterizedTest
  @CsvSource({
    "RMS, ROTARY, RELU2, true, false, false, true",
    "RMS, ROTARY, RELU2, true, true, false, true",
    "RMS, ROTARY, GELU, false, false, true, false",
    "LAYER, LEARNED, GELU, false, true, true, true",
    "LAYER, LEARNED, RELU2, true, false, false, false",
    "LAYER, LEARNED, GELU_TANH, false, false, true, true"
  })
  void theWrittenOutBackwardPassIsThatOfAutomaticDifferentiation(
      GptConfig.Norm norm,
      GptConfig.Positions positions,
      GptConfig.Activation activation,
      boolean qkNorm,
      boolean tokenShift,
      boolean bias,
      boolean tied) {
    GptConfig config =
        new GptConfig(
            3,
            4,
            64,
            48,
            norm,
            positions,
            activation,
            qkNorm,
            tokenShift,
            bias,
            tied,
            0.1,
            GptConfig.Precision.FLOAT32);
    int windows = 5;
    int vocabulary = 65;
    Parameters parameters =
        Parameters.random(ParameterLayout.of(config, vocabulary), config.initStd(), 3);
    Random random = new Random(4);
    float[] flat = parameters.toArray();
    for (int i = 0; i < flat.length; i++) {
      flat[i] += (float) (0.02 * random.nextGaussian()); // biases and norms, too
    }
    parameters.set(flat);
    long[] inputs = random.longs((long) windows * config.context(), 0, vocabulary).toArray();
    float[] seeds = new float[inputs.length * vocabulary];
    for (int i = 0; i < seeds.length; i++) {
      seeds[i] = (float) random.nextGaussian() / inputs.length;
    }
    JniUtils.setGradMode(true);
    try (NDManager manager = NDManager.newBaseManager();
        Gpt gpt = new Gpt(config, manager);
        AutogradGpt other = new AutogradGpt(config, manager)) {
      NDArray tokens = manager.create(inputs, new Shape(windows, config.context()));
      NDArray seed = manager.create(seeds, new Shape(windows, config.context(), vocabulary));
      Map<String, NDArray> leaves = parameters.tensors(manager);
      leaves.values().forEach(leaf -> leaf.setRequiresGradient(true));
      NDArray expected = other.logits(leaves, tokens);
      JniUtils.backward((PtNDArray) expected, (PtNDArray) seed, false, false);
      try (Gpt.Trace trace = gpt.trace(parameters.tensors(manager), tokens, 0)) {
        assertNear("logits", expected, trace.logits());
        Map<String, NDArray> gradients = trace.backward(seed);
        assertEquals(leaves.keySet(), gradients.keySet());
        leaves.forEach((name, leaf) -> assertNear(name, leaf.getGradient(), gradients.get(name)));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"RMS, ROTARY", "LAYER, LEARNED"})
  void onlyTheLaterPositionsArePassedThroughWhereOnlyTheyCount(
      GptConfig.Norm norm, GptConfig.Positions positions) {
    GptConfig config =
        new GptConfig(
            2,
            2,
            32,
            12,
            norm,
            positions,
            GptConfig.Activation.GELU,
            true,
            true,
            norm == GptConfig.Norm.LAYER,
            false,
            0.1,
            GptConfig.Precision.FLOAT32);
    int windows = 3;
    int vocabulary = 20;
    int first = 5;
    Parameters parameters =
        Parameters.random(ParameterLayout.of(config, vocabulary), config.initStd(), 3);
    Random random = new Random(4);
    long[] inputs = random.longs((long) windows * config.context(), 0, vocabulary).toArray();
    float[] seeds = new float[inputs.length * vocabulary];
    for (int i = 0; i < seeds.length; i++) {
      boolean counts = i / vocabulary % config.context() >= first;
      seeds[i] = counts ? (float) random.nextGaussian() : 0;
    }
    try (NDManager manager = NDManager.newBaseManager();
        Gpt gpt = new Gpt(config, manager)) {
      NDArray tokens = manager.create(inputs, new Shape(windows, config.context()));
      NDArray seed = manager.create(seeds, new Shape(windows, config.context(), vocabulary));
      Map<String, NDArray> weights = parameters.tensors(manager);
      try (Gpt.Trace all = gpt.trace(weights, tokens, 0);
          Gpt.Trace later = gpt.trace(weights, tokens, first)) {
        assertNear("logits", all.logits().get(":, 5:"), later.logits());
        Map<String, NDArray> expected = all.backward(seed);
        Map<String, NDArray> gradients = later.backward(seed.get(":, 5:"));
        assertEquals(expected.keySet(), gradients.keySet());
        expected.forEach((name, gradient) -> assertNear(name, gradient, gradients.get(name)));
      }
    }
  }

  /** Equal but for rounding: within some units of the last place of the largest number. */
  private static void assertNear(String name, NDArray expected, NDArray actual) {
    float[] values = expected.stopGradient().toFloatArray();
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertArrayEquals(values, actual.toFloatArray(), 1e-5f * largest, name);
  }
}
