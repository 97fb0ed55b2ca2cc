package io.avatarl.interchange;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.BpeTokenizer;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.model.Gpt;
import io.avatarl.model.Parameters;
import io.avatarl.model.Safetensors.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * A model as one GGUF file for llama.cpp and programs built on it, with the architecture {@code
 * apertus}.
 *
 * <p>Its activation is xIELU (Huang and Schlag 2024, arXiv 2411.13010): with α as softplus(a), α_p
 * x² + β x for x &gt; 0, and α_n (exp(min(x, ε)) − 1 − x) + β x below. For a_p = ln(e − 1), a_n =
 * −200 and β = 0 that is ReLU², exactly.
 */
public final class GgufModel {
  private static final float SOFTPLUS_IS_ONE = (float) Math.log(Math.E - 1);
  private static final float SOFTPLUS_IS_ZERO = -200;
  private static final float XIELU_EPSILON = -1e-6f;

  private static final String ARCHITECTURE = "apertus.";
  private static final String TOKENIZER = "tokenizer.ggml.";

  // Types of tokens.
  private static final int NORMAL = 1;
  private static final int CONTROL = 3;

  private static final Map<String, String> TENSORS =
      Map.of(
          "attention_layernorm", "attn_norm",
          "feedforward_layernorm", "ffn_norm",
          "self_attn.q_proj", "attn_q",
          "self_attn.k_proj", "attn_k",
          "self_attn.v_proj", "attn_v",
          "self_attn.o_proj", "attn_output",
          "self_attn.q_norm", "attn_q_norm",
          "self_attn.k_norm", "attn_k_norm",
          "mlp.up_proj", "ffn_up",
          "mlp.down_proj", "ffn_down");

  private GgufModel() {}

  /**
   * @throws UserError that names the switches without a counterpart in llama.cpp's Apertus
   */
  public static void requireCounterpart(GptConfig config) {
    Architecture.APERTUS.require(config, "gguf");
    if (config.activation() != GptConfig.Activation.RELU2) {
      throw new UserError(
          "gguf is written for Apertus, whose activation has no counterpart of model.activation = "
              + Architecture.spelling(config.activation())
              + "; export to hf, or train the default form");
    }
  }

  /**
   * The whole file.
   *
   * @param name the name that programs show
   */
  public static byte[] file(
      String name, GptConfig config, Tokenizer tokenizer, Parameters parameters) {
    requireCounterpart(config);
    GgufFile file = new GgufFile();
    file.put("general.architecture", "apertus");
    file.put("general.name", name);
    file.put("general.file_type", 0); // all float32
    shape(file, config, tokenizer.vocabularySize());
    if (tokenizer instanceof BpeTokenizer) {
      bytePairs(file, tokenizer);
    } else {
      characters(file, tokenizer);
    }
    Map<String, Tensor> theirs =
        TensorMap.of(Architecture.APERTUS, config, parameters.layout()).tensors(parameters);
    theirs.forEach((theirName, tensor) -> file.tensor(tensorName(theirName), tensor));
    if (config.tied()) {
      file.tensor("output.weight", theirs.get("model.embed_tokens.weight"));
    }
    return file.bytes();
  }

  private static void shape(GgufFile file, GptConfig config, int vocabulary) {
    file.put(ARCHITECTURE + "vocab_size", vocabulary);
    file.put(ARCHITECTURE + "context_length", config.context());
    file.put(ARCHITECTURE + "embedding_length", config.width());
    file.put(ARCHITECTURE + "block_count", config.layers());
    file.put(ARCHITECTURE + "feed_forward_length", 4 * config.width());
    file.put(ARCHITECTURE + "attention.head_count", config.heads());
    file.put(ARCHITECTURE + "attention.head_count_kv", config.heads());
    file.put(ARCHITECTURE + "attention.key_length", config.headWidth());
    file.put(ARCHITECTURE + "attention.value_length", config.headWidth());
    file.put(ARCHITECTURE + "attention.layer_norm_rms_epsilon", Gpt.RMS_EPSILON);
    file.put(ARCHITECTURE + "rope.dimension_count", config.headWidth());
    file.put(ARCHITECTURE + "rope.freq_base", (float) Gpt.ROTARY_BASE);
    file.put("xielu.alpha_p", everywhere(SOFTPLUS_IS_ONE, config));
    file.put("xielu.alpha_n", everywhere(SOFTPLUS_IS_ZERO, config));
    file.put("xielu.beta", everywhere(0, config));
    file.put("xielu.eps", everywhere(XIELU_EPSILON, config));
  }

  private static float[] everywhere(float value, GptConfig config) {
    float[] layers = new float[config.layers()];
    Arrays.fill(layers, value);
    return layers;
  }

  private static String tensorName(String theirs) {
    return switch (theirs) {
      case "model.embed_tokens.weight" -> "token_embd.weight";
      case "model.norm.weight" -> "output_norm.weight";
      case "lm_head.weight" -> "output.weight";
      default -> {
        String[] parts = theirs.split("\\.", 4); // model.layers.I.PART.weight
        String part = parts[3].substring(0, parts[3].lastIndexOf('.'));
        yield "blk." + parts[2] + "." + TENSORS.get(part) + ".weight";
      }
    };
  }

  /**
   * Characters as a vocabulary of RWKV, whose tokenizer takes the longest matching token. It is the
   * only tokenizer of llama.cpp that needs no token for the end of the text.
   */
  private static void characters(GgufFile file, Tokenizer tokenizer) {
    List<String> tokens = new ArrayList<>();
    for (int token = 0; token < tokenizer.vocabularySize(); token++) {
      StringBuilder escaped = new StringBuilder();
      for (byte b : tokenizer.bytes(token)) {
        boolean plain = b >= ' ' && b < 0x7f && b != '\\';
        escaped.append(plain ? String.valueOf((char) b) : String.format("\\x%02x", b & 0xff));
      }
      tokens.add(escaped.toString());
    }
    file.put(TOKENIZER + "model", "rwkv");
    file.put(TOKENIZER + "tokens", tokens);
    int[] types = new int[tokens.size()];
    Arrays.fill(types, NORMAL);
    file.put(TOKENIZER + "token_type", types);
  }

  /**
   * Byte-level BPE. llama.cpp requires a token that ends the text: the vocabulary's own, or the
   * byte 0xFF, which no text has.
   */
  private static void bytePairs(GgufFile file, Tokenizer tokenizer) {
    JsonNode json;
    try {
      json = new ObjectMapper().readTree(tokenizer.toJson());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
    String[] tokens = new String[tokenizer.vocabularySize()];
    int[] types = new int[tokens.length];
    Arrays.fill(types, NORMAL);
    JsonNode vocabulary = json.path("model").path("vocab");
    vocabulary.properties().forEach(entry -> tokens[entry.getValue().asInt()] = entry.getKey());
    int end = vocabulary.path("ÿ").asInt(0);
    for (JsonNode added : json.path("added_tokens")) {
      int id = added.path("id").asInt();
      tokens[id] = added.path("content").asText();
      types[id] = CONTROL;
      end = id;
    }
    List<String> merges = new ArrayList<>();
    for (JsonNode merge : json.path("model").path("merges")) {
      merges.add(
          merge.isArray() ? merge.path(0).asText() + " " + merge.path(1).asText() : merge.asText());
    }
    if (merges.isEmpty()) {
      merges.add("ÿ ÿ"); // never met, but some readers want one
    }
    file.put(TOKENIZER + "model", "gpt2");
    file.put(TOKENIZER + "pre", "gpt-2");
    file.put(TOKENIZER + "tokens", List.of(tokens));
    file.put(TOKENIZER + "token_type", types);
    file.put(TOKENIZER + "merges", merges);
    file.put(TOKENIZER + "bos_token_id", end);
    file.put(TOKENIZER + "eos_token_id", end);
    file.put(TOKENIZER + "add_bos_token", false);
    file.put(TOKENIZER + "add_eos_token", false);
  }
}
