package io.avatarl.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.avatarl.config.GptConfig;
import io.avatarl.config.GptConfig.Precision;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How matrices are multiplied, as far as a CPU can tell. */
@Tag("numerical")
class PrecisionTest {
  private static final int WINDOWS = 5;
  private static final int VOCABULARY = 65;

  private static GptConfig gpt2(Precision precision) {
    return config(
        GptConfig.Norm.LAYER,
        GptConfig.Positions.LEARNED,
        GptConfig.Activation.GELU,
        false,
        true,
        true,
        precision);
  }

  private static GptConfig config(
      GptConfig.Norm norm,
      GptConfig.Positions positions,
      GptConfig.Activation activation,
      boolean qkNorm,
      boolean bias,
      boolean tied,
      Precision precision) {
    return new GptConfig(
        3, 4, 64, 48, norm, positions, activation, qkNorm, bias, bias, tied, 0.1, precision);
  }

  private static long[] inputs(GptConfig config) {
    return new Random(4).longs((long) WINDOWS * config.context(), 0, VOCABULARY).toArray();
  }

  private static Parameters parameters(GptConfig config) {
    return Parameters.random(ParameterLayout.of(config, VOCABULARY), config.initStd(), 3);
  }

  /** Logits, and the gradients that come of random ones of theirs. */
  private record Pass(float[] logits, Map<String, float[]> gradients) {
    static Pass of(GptConfig config) {
      NativeEngine.load(1, config.precision());
      try (NDManager manager = NDManager.newBaseManager();
          Gpt gpt = new Gpt(config, manager)) {
        Shape shape = new Shape(WINDOWS, config.context());
        NDArray tokens = manager.create(inputs(config), shape);
        Random random = new Random(6);
        float[] seeds = new float[WINDOWS * config.context() * VOCABULARY];
        for (int i = 0; i < seeds.length; i++) {
          seeds[i] = (float) random.nextGaussian() / WINDOWS;
        }
        try (Gpt.Trace trace = gpt.trace(parameters(config).tensors(manager), tokens, 0)) {
          Map<String, float[]> gradients = new HashMap<>();
          trace
              .backward(manager.create(seeds, shape.add(VOCABULARY)))
              .forEach((name, gradient) -> gradients.put(name, gradient.toFloatArray()));
          return new Pass(trace.logits().toFloatArray(), gradients);
        }
      }
    }
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  private static double cosine(float[] a, float[] b) {
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  }

  private static double largest(float[] values) {
    double largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  private static double distance(float[] a, float[] b) {
    float[] difference = a.clone();
    for (int i = 0; i < a.length; i++) {
      difference[i] -= b[i];
    }
    return largest(difference);
  }

  @ParameterizedTest
  @CsvSource({
    "RMS, ROTARY, RELU2, true, false, true",
    "RMS, ROTARY, GELU, false, true, false",
    "LAYER, LEARNED, GELU, false, true, true",
    "LAYER, LEARNED, RELU2, true, false, false",
    "LAYER, LEARNED, GELU_TANH, false, true, true"
  })
  void bfloat16IsNearFloat32ForwardAndBackwardAndTf32IsIt(
      GptConfig.Norm norm,
      GptConfig.Positions positions,
      GptConfig.Activation activation,
      boolean qkNorm,
      boolean bias,
      boolean tied) {
    Map<Precision, Pass> passes = new HashMap<>();
    for (Precision precision : Precision.values()) {
      passes.put(
          precision, Pass.of(config(norm, positions, activation, qkNorm, bias, tied, precision)));
    }
    Pass exact = passes.get(Precision.FLOAT32);
    Pass rounded = passes.get(Precision.BFLOAT16);
    double distance = distance(exact.logits(), rounded.logits());
    // Half a unit of the last of 8 bits is 0.002; some such errors add up.
    assertTrue(distance < 0.02 * largest(exact.logits()), "logits are " + distance + " away");
    assertTrue(distance > 1e-4 * largest(exact.logits()), "nothing was rounded");
    // A logit itself is not a bfloat16, nor is a gradient.
    assertTrue(isWide(rounded.logits()));
    assertEquals(exact.gradients().keySet(), rounded.gradients().keySet());
    exact
        .gradients()
        .forEach(
            (name, gradient) -> {
              float[] other = rounded.gradients().get(name);
              double cosine = cosine(gradient, other);
              assertTrue(cosine > 0.999, name + ": cosine " + cosine);
              assertEquals(1, dot(other, other) / dot(gradient, gradient), 0.02, name);
              // The product that makes logits is float32, and what goes back from it.
              assertEquals(name.contains("ln_f.bias"), Arrays.equals(gradient, other), name);
              assertArrayEquals(gradient, passes.get(Precision.TF32).gradients().get(name), name);
            });
    assertArrayEquals(exact.logits(), passes.get(Precision.TF32).logits());
  }

  private static boolean isWide(float[] values) {
    for (float value : values) {
      if (BFloat16.toFloat(BFloat16.of(value)) != value) {
        return true;
      }
    }
    return false;
  }

  @Test
  void theCacheHoldsWhatTheFullForwardSees() {
    for (GptConfig config :
        new GptConfig[] {
          gpt2(Precision.BFLOAT16),
          config(
              GptConfig.Norm.RMS,
              GptConfig.Positions.ROTARY,
              GptConfig.Activation.RELU2,
              true,
              false,
              true,
              Precision.BFLOAT16)
        }) {
      NativeEngine.load(1, config.precision());
      int length = 20;
      long[] state = Arrays.copyOf(inputs(config), length);
      int[] history = Arrays.stream(state).mapToInt(Math::toIntExact).toArray();
      try (Policy policy = new Policy(config, parameters(config));
          KeyValueCache cache = new KeyValueCache(config, 1, length, policy.manager)) {
        float[] full = policy.logProbs(1, state);
        policy.next(cache, history, 0, 7);
        float[] last = null;
        for (int seen = 7; seen < length; seen++) {
          last = policy.next(cache, history, seen, seen + 1);
        }
        float[] expected = Arrays.copyOfRange(full, (length - 1) * VOCABULARY, full.length);
        double distance = distance(expected, last);
        assertTrue(distance < 0.05, "log-probabilities are " + distance + " away");
        int[] generated = policy.generate(new int[][] {history}, 60, 1, i -> new Random(1))[0];
        assertEquals(60, generated.length);
      }
    }
  }

  @Test
  void onlyFloat32KeepsAGpuFromTf32() {
    for (Precision precision : Precision.values()) {
      NativeEngine.load(1, precision);
      assertEquals(precision != Precision.FLOAT32, NativeEngine.allowsTf32());
      NativeEngine.load(1);
      assertEquals(precision != Precision.FLOAT32, NativeEngine.allowsTf32(), "as it was");
    }
  }

  @AfterAll
  static void reset() {
    NativeEngine.load(1, Precision.FLOAT32);
  }
}
