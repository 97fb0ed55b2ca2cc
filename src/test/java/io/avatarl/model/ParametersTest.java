package io.avatarl.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.avatarl.ReferenceValues;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class ParametersTest {
  private static GptConfig defaults() {
    return ConfigReader.read("", "", List.of()).model();
  }

  private static GptConfig gpt2() {
    return ConfigReader.read(
            "",
            "model { norm = layer, positions = learned, activation = gelu, qkNorm = false,"
                + " bias = true, tied = false }",
            List.of())
        .model();
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_avatarl", "gpt_gpt2", "gpt_mixed", "gpt_shift"})
  void namesAndShapesAreTheUsualOnesInForwardOrder(String name) {
    ReferenceGpt reference = ReferenceGpt.read(name);
    Map<String, List<Integer>> expected = new LinkedHashMap<>();
    reference
        .json()
        .get("parameters")
        .properties()
        .forEach(e -> expected.put(e.getKey(), ReferenceValues.shape(e.getValue())));
    Map<String, List<Integer>> actual = new LinkedHashMap<>();
    reference.parameters().layout().parameters().forEach(p -> actual.put(p.name(), p.shape()));
    assertEquals(expected, actual);
    assertEquals(new ArrayList<>(expected.keySet()), new ArrayList<>(actual.keySet()));
  }

  @Test
  void countsAreThoseOfTheFormula() {
    // Token embedding V·D and 12·D² per layer: 3 for queries, keys and values, 1 for the
    // projection, 8 for the MLP.
    assertEquals(65 * 128 + 4 * 12 * 128 * 128, ParameterLayout.of(defaults(), 65).count());
    assertEquals(794_752, ParameterLayout.of(defaults(), 65).count());
    int d = 128;
    int layer = 12 * d * d + (3 * d + d + 4 * d + d) + 2 * 2 * d;
    assertEquals(2 * 65 * d + 64 * d + 4 * layer + 2 * d, ParameterLayout.of(gpt2(), 65).count());
  }

  @Test
  void everyParameterStartsOnACacheLineAndNoneOverlap() {
    GptConfig odd =
        ConfigReader.read(
                "",
                "model { layers = 2, heads = 3, width = 15, context = 5, norm = layer,"
                    + " positions = learned, bias = true, tied = false }",
                List.of())
            .model();
    ParameterLayout layout = ParameterLayout.of(odd, 7);
    int end = 0;
    for (ParameterLayout.Parameter p : layout.parameters()) {
      assertEquals(0, p.offset() % 16, p.name());
      assertTrue(p.offset() >= end && p.offset() < end + 16, p.name());
      assertEquals(p.shape().size() == 2, p.decayed(), p.name());
      end = p.offset() + p.size();
    }
    assertTrue(layout.length() >= end && layout.length() < end + 16);
    assertTrue(layout.count() < layout.length(), "there are gaps");
  }

  @Test
  void tensorsShareTheFlatMemory() {
    NativeEngine.load(1);
    Parameters parameters = Parameters.random(ParameterLayout.of(gpt2(), 7), 0.1, 1);
    try (NDManager manager = NDManager.newBaseManager()) {
      Map<String, NDArray> tensors = parameters.tensors(manager);
      float[] flat = parameters.toArray();
      for (int i = 0; i < flat.length; i++) {
        flat[i] = i;
      }
      parameters.set(flat);
      for (ParameterLayout.Parameter p : parameters.layout().parameters()) {
        float[] values = tensors.get(p.name()).toFloatArray();
        assertEquals(p.size(), values.length);
        assertEquals(p.offset(), values[0], p.name());
        assertEquals(p.offset() + p.size() - 1, values[p.size() - 1], p.name());
      }
    }
  }

  @Test
  void randomParametersAreNormalOneAndZero() {
    ParameterLayout layout = ParameterLayout.of(gpt2(), 65);
    Parameters parameters = Parameters.random(layout, 0.02, 1);
    float[] flat = parameters.toArray();
    boolean[] used = new boolean[flat.length];
    for (ParameterLayout.Parameter p : layout.parameters()) {
      double sum = 0;
      double squares = 0;
      for (int i = p.offset(); i < p.offset() + p.size(); i++) {
        used[i] = true;
        sum += flat[i];
        squares += (double) flat[i] * flat[i];
      }
      double mean = sum / p.size();
      double std = Math.sqrt(squares / p.size() - mean * mean);
      if (p.shape().size() == 2) {
        assertEquals(0, mean, 5 * 0.02 / Math.sqrt(p.size()), p.name());
        assertEquals(0.02, std, 5 * 0.02 / Math.sqrt(2.0 * p.size()), p.name());
      } else {
        assertEquals(p.name().matches(".*ln_.*weight") ? 1 : 0, mean, p.name());
        assertEquals(0, std, p.name());
      }
    }
    for (int i = 0; i < flat.length; i++) {
      assertTrue(used[i] || flat[i] == 0, "gaps stay zero");
    }
  }

  @Test
  void theSeedDecidesTheParameters() {
    ParameterLayout layout = ParameterLayout.of(defaults(), 65);
    Parameters parameters = Parameters.random(layout, 0.02, 1);
    assertArrayEquals(parameters.toArray(), Parameters.random(layout, 0.02, 1).toArray());
    assertNotEquals(parameters.sha256(), Parameters.random(layout, 0.02, 2).sha256());
    // Pinned: another hash means that stored runs do not repeat.
    assertEquals(
        "21478913c3751e88c95880e4d11b87ccb84bddef1331e845c0f50e557b8903b0", parameters.sha256());
  }

  @Test
  void theHashIsThatOfTheValuesAlone() {
    GptConfig config =
        ConfigReader.read("", "model { layers = 1, heads = 1, width = 6, context = 4 }", List.of())
            .model();
    Parameters parameters = Parameters.random(ParameterLayout.of(config, 3), 1, 1);
    String hash = parameters.sha256();
    float[] flat = parameters.toArray();
    ParameterLayout.Parameter first = parameters.layout().parameters().get(0);
    assertTrue(first.size() % 16 != 0, "a gap follows");
    flat[first.size()] = 42;
    parameters.set(flat);
    assertEquals(hash, parameters.sha256());
    flat[first.size() - 1] = Math.nextUp(flat[first.size() - 1]);
    parameters.set(flat);
    assertNotEquals(hash, parameters.sha256());
  }

  @Test
  void namedTensorsComeBack() {
    ParameterLayout layout = ParameterLayout.of(gpt2(), 5);
    Parameters parameters = Parameters.random(layout, 0.1, 3);
    Map<String, Safetensors.Tensor> tensors =
        Parameters.toTensors(layout, parameters.toArray(), "m.");
    assertArrayEquals(parameters.toArray(), Parameters.fromTensors(layout, tensors, "m.", "file"));

    Map<String, Safetensors.Tensor> missing = new LinkedHashMap<>(tensors);
    missing.remove("m.transformer.ln_f.bias");
    UserError error =
        assertThrows(
            UserError.class, () -> Parameters.fromTensors(layout, missing, "m.", "the file"));
    assertThat(error.getMessage()).contains("the file: m.transformer.ln_f.bias is missing");

    Map<String, Safetensors.Tensor> transposed = new LinkedHashMap<>(tensors);
    transposed.put("m.lm_head.weight", new Safetensors.Tensor(List.of(128, 5), new float[128 * 5]));
    error =
        assertThrows(
            UserError.class, () -> Parameters.fromTensors(layout, transposed, "m.", "the file"));
    assertTrue(error.getMessage().contains("[128, 5]") && error.getMessage().contains("[5, 128]"));
    assertFalse(error.getMessage().contains("\n"));
  }
}
