package io.avatarl.interchange;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.GptConfig;
import io.avatarl.config.GptConfig.Activation;
import io.avatarl.config.GptConfig.Norm;
import io.avatarl.config.GptConfig.Positions;
import io.avatarl.config.UserError;
import io.avatarl.model.Gpt;
import java.util.Map;

/**
 * Converts a model's shape to and from the {@code config.json} of a Hugging Face folder. Defaults
 * of missing keys are those of transformers ({@code ApertusConfig}, {@code GPT2Config}).
 */
final class HuggingFaceConfig {
  // The bounds of GptConfig: of layers and heads, of width and context.
  private static final int MOST = 1000;
  private static final int WIDEST = 65_536;
  private static final String EVEN = "heads that divide hidden_size into even widths";
  private static final double GPT2_EPSILON = 1e-5;
  private static final double APERTUS_EPSILON = 1e-5;
  private static final double APERTUS_THETA = 12_000_000;

  private final String file;
  private final JsonNode json;

  /**
   * @param file for messages
   */
  HuggingFaceConfig(String file, JsonNode json) {
    this.file = file;
    this.json = json;
  }

  static ObjectNode of(GptConfig config, int vocabulary) {
    Architecture architecture = Architecture.of(config);
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.putArray("architectures").add(architecture.modelClass);
    json.put("model_type", architecture.modelType).put("vocab_size", vocabulary);
    switch (architecture) {
      case APERTUS -> apertus(config, json);
      case GPT2 -> gpt2(config, json);
    }
    json.put("initializer_range", config.initStd()).put("tie_word_embeddings", config.tied());
    // The vocabulary has no such tokens, and the default ids would be ordinary tokens.
    json.putNull("bos_token_id").putNull("eos_token_id").putNull("pad_token_id");
    return json.put("dtype", "float32");
  }

  private static void apertus(GptConfig config, ObjectNode json) {
    json.put("hidden_size", config.width())
        .put("intermediate_size", 4 * config.width())
        .put("num_hidden_layers", config.layers())
        .put("num_attention_heads", config.heads())
        .put("num_key_value_heads", config.heads())
        .put("head_dim", config.headWidth())
        .put("hidden_act", Architecture.ACTIVATIONS.get(config.activation()))
        .put("max_position_embeddings", config.context())
        .put("rms_norm_eps", exact(Gpt.RMS_EPSILON))
        .put("attention_bias", false)
        .put("attention_dropout", 0.0)
        // Of transformers 4 and 5.
        .put("rope_theta", Gpt.ROTARY_BASE)
        .putNull("rope_scaling")
        .putObject("rope_parameters")
        .put("rope_type", "default")
        .put("rope_theta", Gpt.ROTARY_BASE);
  }

  private static void gpt2(GptConfig config, ObjectNode json) {
    json.put("n_embd", config.width())
        .put("n_inner", 4 * config.width())
        .put("n_layer", config.layers())
        .put("n_head", config.heads())
        .put("n_positions", config.context())
        .put("activation_function", Architecture.ACTIVATIONS.get(config.activation()))
        .put("layer_norm_epsilon", exact(Gpt.LAYER_NORM_EPSILON))
        .put("resid_pdrop", 0.0)
        .put("embd_pdrop", 0.0)
        .put("attn_pdrop", 0.0);
  }

  /** The decimal value, 1e-6, instead of the nearest float. */
  private static double exact(float value) {
    return Double.parseDouble(Float.toString(value));
  }

  /** Rows of the token embedding. */
  int vocabulary() {
    return json.path("vocab_size").asInt();
  }

  Architecture architecture() {
    String type = json.path("model_type").asText();
    for (Architecture architecture : Architecture.values()) {
      if (architecture.modelType.equals(type)) {
        return architecture;
      }
    }
    throw refused("model_type", json.path("model_type"), "gpt2 or apertus");
  }

  /**
   * The shape that the file describes.
   *
   * @param like gives what the file lacks: initial values and precision
   * @throws UserError that names the first key whose value has no counterpart here
   */
  GptConfig shape(GptConfig like) {
    return architecture() == Architecture.APERTUS ? apertus(like) : gpt2(like);
  }

  private GptConfig apertus(GptConfig like) {
    int width = number("hidden_size", WIDEST);
    int heads = number("num_attention_heads", MOST);
    if (width % heads != 0 || width / heads % 2 != 0) {
      throw refused("num_attention_heads", json.path("num_attention_heads"), EVEN);
    }
    requireNumber("intermediate_size", 4.0 * width, 0);
    requireNumber("num_key_value_heads", heads, heads);
    requireNumber("head_dim", (double) width / heads, (double) width / heads);
    requireNumber("rms_norm_eps", exact(Gpt.RMS_EPSILON), APERTUS_EPSILON);
    requireFlag("attention_bias", false, false);
    JsonNode rope = json.path("rope_parameters");
    if (!rope.isObject()) {
      rope = json.path("rope_scaling");
    }
    String type = rope.path("rope_type").asText(rope.path("type").asText("default"));
    if (!type.equals("default")) {
      throw refused("rope_type", rope.path("rope_type"), "default");
    }
    double theta =
        rope.path("rope_theta").asDouble(json.path("rope_theta").asDouble(APERTUS_THETA));
    if (theta != Gpt.ROTARY_BASE) {
      throw refused("rope_theta", JsonNodeFactory.instance.numberNode(theta), "10000");
    }
    return new GptConfig(
        number("num_hidden_layers", MOST),
        heads,
        width,
        number("max_position_embeddings", WIDEST),
        Norm.RMS,
        Positions.ROTARY,
        activation("hidden_act", "xielu"),
        true,
        false,
        false,
        json.path("tie_word_embeddings").asBoolean(false),
        like.initStd(),
        like.precision());
  }

  private GptConfig gpt2(GptConfig like) {
    int width = number("n_embd", WIDEST);
    if (width % number("n_head", MOST) != 0) {
      throw refused("n_head", json.path("n_head"), "a divisor of n_embd");
    }
    requireNumber("n_inner", 4.0 * width, 4.0 * width);
    requireNumber("layer_norm_epsilon", exact(Gpt.LAYER_NORM_EPSILON), GPT2_EPSILON);
    requireFlag("scale_attn_weights", true, true);
    requireFlag("scale_attn_by_inverse_layer_idx", false, false);
    requireFlag("add_cross_attention", false, false);
    return new GptConfig(
        number("n_layer", MOST),
        number("n_head", MOST),
        width,
        number("n_positions", WIDEST),
        Norm.LAYER,
        Positions.LEARNED,
        activation("activation_function", "gelu_new"),
        false,
        false,
        true,
        json.path("tie_word_embeddings").asBoolean(true),
        like.initStd(),
        like.precision());
  }

  private Activation activation(String key, String otherwise) {
    String name = json.path(key).asText(otherwise);
    for (Map.Entry<Activation, String> known : Architecture.ACTIVATIONS.entrySet()) {
      if (known.getValue().equals(name)) {
        return known.getKey();
      }
    }
    throw refused(
        key,
        JsonNodeFactory.instance.textNode(name),
        String.join(" or ", Architecture.ACTIVATIONS.values().stream().sorted().toList()));
  }

  private int number(String key, int most) {
    JsonNode value = json.path(key);
    if (!value.isIntegralNumber() || value.longValue() < 1 || value.longValue() > most) {
      throw refused(key, value, "a whole number from 1 to " + most);
    }
    return value.intValue();
  }

  /**
   * @param otherwise the value of a key that is missing or null
   */
  private void requireNumber(String key, double needed, double otherwise) {
    if (json.path(key).asDouble(otherwise) != needed) {
      throw refused(
          key, json.path(key), needed == Math.rint(needed) ? "" + (long) needed : "" + needed);
    }
  }

  private void requireFlag(String key, boolean needed, boolean otherwise) {
    if (json.path(key).asBoolean(otherwise) != needed) {
      throw refused(key, json.path(key), "" + needed);
    }
  }

  private UserError refused(String key, JsonNode value, String needed) {
    return new UserError(
        file
            + ": "
            + key
            + (value.isMissingNode() ? " is missing" : " = " + value)
            + "; a model here has "
            + needed);
  }
}
