package io.avatarl.learner;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.ReferenceValues;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.OptimizerConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class OptimizerTest {
  /** Where the reference's parameters go: to the start of a model's, the rest is zero. */
  private static final Map<String, String> PLACES =
      Map.of(
          "decayed_matrix", "transformer.wte.weight",
          "plain_vector", "transformer.h.0.ln_1.weight",
          "decayed_second", "transformer.h.0.attn.c_attn.weight");

  private static ParameterLayout layout() {
    return ParameterLayout.of(
        ConfigReader.read(
                "",
                "model { layers = 1, heads = 1, width = 6, context = 2, norm = layer,"
                    + " positions = learned }",
                List.of())
            .model(),
        3);
  }

  private static int offset(ParameterLayout layout, String name) {
    return layout.parameters().stream()
        .filter(p -> p.name().equals(PLACES.get(name)))
        .findFirst()
        .orElseThrow()
        .offset();
  }

  private static float[] flat(ParameterLayout layout, JsonNode tensors) {
    float[] flat = new float[layout.length()];
    for (String name : PLACES.keySet()) {
      float[] values = ReferenceValues.floats(tensors.get(name));
      System.arraycopy(values, 0, flat, offset(layout, name), values.length);
    }
    return flat;
  }

  private static void assertTensors(
      String what, ParameterLayout layout, JsonNode expected, float[] flat, double tolerance) {
    for (String name : PLACES.keySet()) {
      double[] values = ReferenceValues.doubles(expected.get(name));
      int from = offset(layout, name);
      ReferenceValues.assertClose(
          what + " of " + name,
          values,
          Arrays.copyOfRange(flat, from, from + values.length),
          tolerance);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void updatesAreThoseOfPyTorch(boolean clip) {
    JsonNode reference = ReferenceValues.read("adamw");
    ParameterLayout layout = layout();
    OptimizerConfig config =
        ConfigReader.read(
                "",
                "",
                List.of(
                    "learner.optimizer.beta1=" + reference.get("beta1"),
                    "learner.optimizer.beta2=" + reference.get("beta2"),
                    "learner.optimizer.epsilon=" + reference.get("epsilon"),
                    "learner.optimizer.weightDecay="
                        + reference.get("weight_decay").get("decayed_matrix"),
                    "learner.optimizer.clipNorm=" + (clip ? reference.get("max_norm") : "0")))
            .learner()
            .optimizer();
    double[] rates = ReferenceValues.doubles(reference.get("learning_rates"));
    AdamW optimizer = new AdamW(layout, config, Ranges.inCaller());
    float[] parameters = flat(layout, reference.get("initial"));
    for (int i = 0; i < rates.length; i++) {
      JsonNode step = reference.get(clip ? "clipped_steps" : "unclipped_steps").get(i);
      float[] gradient = flat(layout, reference.get("gradients").get(i));
      double norm = Learner.norm(gradient);
      float scale = (float) Learner.clipScale(norm, config.clipNorm());
      if (clip) {
        assertEquals(step.get("norm_before_clipping").doubleValue(), norm, 1e-6);
        float[] clipped = gradient.clone();
        for (int j = 0; j < clipped.length; j++) {
          clipped[j] *= scale;
        }
        assertTensors("clipped gradient", layout, step.get("clipped_gradients"), clipped, 1e-6);
      } else {
        assertEquals(1, scale);
      }
      optimizer.step(i + 1, rates[i], parameters, gradient, scale);
      assertTensors("update " + i, layout, step.get("parameters"), parameters, 1e-6);
      assertTensors(
          "first moment", layout, step.get("first_moments"), optimizer.firstMoment(), 1e-6);
      assertTensors(
          "second moment", layout, step.get("second_moments"), optimizer.secondMoment(), 1e-6);
    }
  }

  @Test
  void muonMovesAlongTheOrthogonalisedMomentum() {
    NativeEngine.load(1);
    JsonNode reference = ReferenceValues.read("muon");
    TrainingConfig config =
        ConfigReader.read(
            "",
            "model { layers = 1, heads = 1, width = 4, context = 2 }",
            List.of(
                "learner.optimizer.kind=muon",
                "learner.optimizer.weightDecay=" + reference.get("weight_decay"),
                "learner.optimizer.muon.momentum=" + reference.get("momentum"),
                "learner.optimizer.muon.iterations=" + reference.get("iterations")));
    OptimizerConfig settings = config.learner().optimizer();
    ParameterLayout layout = ParameterLayout.of(config.model(), 3);
    float[] parameters = new float[layout.length()];
    putMatrices(layout, reference.get("initial"), parameters);
    float[] embedding = {0.5f, -0.25f};
    System.arraycopy(embedding, 0, parameters, 0, 2);
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      Optimizer muon = Optimizer.of(layout, settings, new Ranges(threads, 2));
      AdamW adamW = new AdamW(layout, settings, Ranges.inCaller());
      float[] rest = parameters.clone();
      double[] rates = ReferenceValues.doubles(reference.get("learning_rates"));
      for (int i = 0; i < rates.length; i++) {
        float[] gradient = new float[layout.length()];
        putMatrices(layout, reference.get("gradients").get(i), gradient);
        gradient[0] = 0.1f;
        // The schedule's rate, as a share of AdamW's peak, is what Muon's own peak is scaled by.
        double rate = rates[i] / settings.muon().learningRate() * settings.learningRate();
        muon.step(i + 1, rate, parameters, gradient, 1);
        adamW.step(i + 1, rate, rest, gradient, 1);
        for (ParameterLayout.Parameter p : layout.parameters()) {
          JsonNode expected = reference.get("steps").get(i).get(key(p));
          float[] actual = Arrays.copyOfRange(parameters, p.offset(), p.offset() + p.size());
          if (expected == null) {
            assertArrayEquals(Arrays.copyOfRange(rest, 0, p.size()), actual, "AdamW's");
          } else {
            ReferenceValues.assertClose(p.name(), ReferenceValues.doubles(expected), actual, 1e-5);
          }
        }
      }
    } finally {
      threads.shutdown();
    }
  }

  private static String key(ParameterLayout.Parameter p) {
    return p.name().replace("transformer.h.0.", "").replace(".weight", "");
  }

  private static void putMatrices(ParameterLayout layout, JsonNode tensors, float[] flat) {
    for (ParameterLayout.Parameter p : layout.parameters()) {
      if (tensors.has(key(p))) {
        float[] values = ReferenceValues.floats(tensors.get(key(p)));
        System.arraycopy(values, 0, flat, p.offset(), values.length);
      }
    }
  }

  @Test
  void whatHasNoGradientAndIsNoMatrixStays() {
    ParameterLayout layout = layout();
    OptimizerConfig config = ConfigReader.read("", "", List.of()).learner().optimizer();
    float[] parameters = new float[layout.length()];
    Arrays.fill(parameters, 1f);
    float[] expected = parameters.clone();
    for (ParameterLayout.Parameter p : layout.parameters()) {
      if (p.decayed()) {
        float kept = (float) (1 - 0.01 * config.weightDecay());
        Arrays.fill(expected, p.offset(), p.offset() + p.size(), kept);
      }
    }
    new AdamW(layout, config, Ranges.inCaller())
        .step(1, 0.01, parameters, new float[layout.length()], 1);
    assertArrayEquals(expected, parameters);
  }

  @Test
  void learningRatesAreThoseOfTheSchedules() {
    int checked = 0;
    for (JsonNode schedule : ReferenceValues.read("schedules").get("schedules")) {
      double peak = schedule.get("peak").doubleValue();
      OptimizerConfig config =
          ConfigReader.read(
                  "",
                  "",
                  List.of(
                      "learner.optimizer.learningRate=" + peak,
                      "learner.optimizer.floor=" + schedule.get("floor").doubleValue() / peak,
                      "learner.optimizer.warmup=" + schedule.get("warmup"),
                      "learner.optimizer.schedule=" + schedule.get("kind").textValue()))
              .learner()
              .optimizer();
      LearningRate rate = new LearningRate(config, schedule.get("total").longValue());
      double[] expected = ReferenceValues.doubles(schedule.get("learning_rates"));
      for (int update = 0; update < expected.length; update++) {
        assertEquals(expected[update], rate.at(update), 1e-15, schedule.get("kind") + " " + update);
        checked++;
      }
    }
    assertEquals(6 * 101, checked);
  }

  /** Long enough for a range to each of three threads, cut where no parameter begins. */
  @Test
  void severalThreadsChangeNoBit() {
    TrainingConfig config =
        ConfigReader.read(
            "", "model { layers = 1, heads = 2, width = 132, context = 2 }", List.of());
    ParameterLayout layout = ParameterLayout.of(config.model(), 50);
    assertEquals(3, Math.min(3, layout.length() >> 16), "ranges");
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try {
      AdamW one = new AdamW(layout, config.learner().optimizer(), Ranges.inCaller());
      AdamW three = new AdamW(layout, config.learner().optimizer(), new Ranges(threads, 3));
      Random random = new Random(1);
      float[] expected = new float[layout.length()];
      for (int i = 0; i < expected.length; i++) {
        expected[i] = (float) random.nextGaussian();
      }
      float[] actual = expected.clone();
      for (int update = 1; update <= 3; update++) {
        float[] gradient = new float[expected.length];
        for (int i = 0; i < gradient.length; i++) {
          gradient[i] = (float) random.nextGaussian();
        }
        one.step(update, 0.01, expected, gradient, 0.5f);
        three.step(update, 0.01, actual, gradient, 0.5f);
      }
      assertArrayEquals(expected, actual);
      assertArrayEquals(one.firstMoment(), three.firstMoment());
      assertArrayEquals(one.secondMoment(), three.secondMoment());
    } finally {
      threads.shutdown();
    }
  }
}
