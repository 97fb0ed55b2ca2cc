package io.avatarl.interchange;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The stock architectures of Hugging Face's transformers that compute the same as this project's
 * model. They differ in four switches; both allow any activation.
 */
enum Architecture {
  /** The default form, if its norms have no gains and the activation is ReLU². */
  APERTUS("apertus", "ApertusForCausalLM", "Apertus"),
  GPT2("gpt2", "GPT2LMHeadModel", "GPT-2");

  /** {@code hidden_act} or {@code activation_function}. */
  static final Map<GptConfig.Activation, String> ACTIVATIONS =
      Map.of(
          GptConfig.Activation.RELU2, "relu2",
          GptConfig.Activation.GELU, "gelu",
          GptConfig.Activation.GELU_TANH, "gelu_new");

  final String modelType;
  final String modelClass;
  final String title;

  Architecture(String modelType, String modelClass, String title) {
    this.modelType = modelType;
    this.modelClass = modelClass;
    this.title = title;
  }

  /**
   * The architecture of a form of the model.
   *
   * @throws UserError if there is none; names every switch without a counterpart in the nearest one
   */
  static Architecture of(GptConfig config) {
    List<String> apertus = APERTUS.without(config);
    List<String> gpt2 = GPT2.without(config);
    if (apertus.isEmpty()) {
      return APERTUS;
    }
    if (gpt2.isEmpty()) {
      return GPT2;
    }
    boolean first = apertus.size() <= gpt2.size();
    throw new UserError(
        (first ? APERTUS : GPT2).title
            + ", the architecture nearest to this model, has no counterpart of "
            + String.join(", ", first ? apertus : gpt2)
            + "; docs/export.md has the two forms that can be exported");
  }

  /** Refuses a form that is not this architecture. */
  void require(GptConfig config, String format) {
    List<String> missing = without(config);
    if (!missing.isEmpty()) {
      throw new UserError(
          format
              + " is written for "
              + title
              + ", which has no counterpart of "
              + String.join(", ", missing)
              + "; export to hf, or train the default form");
    }
  }

  /** The switches of a model without a counterpart in this architecture. */
  private List<String> without(GptConfig config) {
    boolean modern = this == APERTUS;
    List<String> missing = new ArrayList<>();
    check(missing, "norm", config.norm(), modern ? GptConfig.Norm.RMS : GptConfig.Norm.LAYER);
    check(
        missing,
        "positions",
        config.positions(),
        modern ? GptConfig.Positions.ROTARY : GptConfig.Positions.LEARNED);
    check(missing, "qkNorm", config.qkNorm(), modern);
    check(missing, "tokenShift", config.tokenShift(), false);
    check(missing, "bias", config.bias(), !modern);
    return missing;
  }

  private static void check(List<String> missing, String key, Object is, Object needed) {
    if (!is.equals(needed)) {
      missing.add("model." + key + " = " + spelling(is));
    }
  }

  static String spelling(Object value) {
    return value instanceof Enum<?> constant
        ? ConfigReader.spelling(constant.name())
        : value.toString();
  }
}
