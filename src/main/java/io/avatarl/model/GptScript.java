package io.avatarl.model;

import io.avatarl.config.GptConfig;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The program {@code gpt.py}, one for each form of model. */
final class GptScript {
  private static final Map<Map<String, Object>, TorchScript> SCRIPTS = new ConcurrentHashMap<>();

  private GptScript() {}

  static TorchScript of(GptConfig config) {
    return SCRIPTS.computeIfAbsent(
        attributes(config), form -> TorchScript.load(GptScript.class, "gpt.py", "Gpt", form));
  }

  private static Map<String, Object> attributes(GptConfig config) {
    Map<String, Object> attributes = new LinkedHashMap<>();
    attributes.put("layers", config.layers());
    attributes.put("heads", config.heads());
    attributes.put("headWidth", config.headWidth());
    attributes.put("rms", config.norm() == GptConfig.Norm.RMS);
    attributes.put("rotary", config.positions() == GptConfig.Positions.ROTARY);
    attributes.put("relu2", config.activation() == GptConfig.Activation.RELU2);
    // "tanh" is GELU's approximation by that function, "none" is exact.
    attributes.put("gelu", config.activation() == GptConfig.Activation.GELU_TANH ? "tanh" : "none");
    attributes.put("qkNorm", config.qkNorm());
    attributes.put("tokenShift", config.tokenShift());
    attributes.put("bias", config.bias());
    attributes.put("bfloat16", config.precision() == GptConfig.Precision.BFLOAT16);
    attributes.put("output", config.tied() ? "transformer.wte.weight" : "lm_head.weight");
    return attributes;
  }
}
