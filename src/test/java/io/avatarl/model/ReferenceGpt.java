package io.avatarl.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.ReferenceValues;
import io.avatarl.config.GptConfig;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** A small GPT whose logits and gradients PyTorch computed. */
record ReferenceGpt(
    JsonNode json, GptConfig config, Parameters parameters, int windows, int[] tokens) {
  static ReferenceGpt read(String name) {
    JsonNode json = ReferenceValues.read(name);
    JsonNode c = json.get("config");
    GptConfig config =
        new GptConfig(
            c.get("layers").intValue(),
            c.get("heads").intValue(),
            c.get("width").intValue(),
            c.get("context").intValue(),
            GptConfig.Norm.valueOf(upper(c.get("norm"))),
            GptConfig.Positions.valueOf(upper(c.get("positions"))),
            GptConfig.Activation.valueOf(upper(c.get("activation"))),
            c.get("qk_norm").booleanValue(),
            c.path("token_shift").asBoolean(),
            c.get("bias").booleanValue(),
            c.get("tied").booleanValue(),
            0.02,
            GptConfig.Precision.FLOAT32);
    ParameterLayout layout = ParameterLayout.of(config, c.get("vocabulary").intValue());
    Map<String, Safetensors.Tensor> tensors = new LinkedHashMap<>();
    json.get("parameters")
        .properties()
        .forEach(
            entry ->
                tensors.put(
                    entry.getKey(),
                    new Safetensors.Tensor(
                        ReferenceValues.shape(entry.getValue()),
                        ReferenceValues.floats(entry.getValue()))));
    Parameters parameters = new Parameters(layout);
    parameters.set(Parameters.fromTensors(layout, tensors, "", name));
    return new ReferenceGpt(
        json,
        config,
        parameters,
        ReferenceValues.shape(json.get("tokens")).get(0),
        ReferenceValues.ints(json.get("tokens")));
  }

  private static String upper(JsonNode text) {
    return text.textValue().toUpperCase(Locale.ROOT);
  }

  int vocabulary() {
    return json.get("config").get("vocabulary").intValue();
  }
}
