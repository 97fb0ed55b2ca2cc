package io.avatarl.interchange;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Safetensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model as a folder that {@code AutoModelForCausalLM.from_pretrained} and {@code
 * AutoTokenizer.from_pretrained} load without code of this project: Apertus or GPT-2, depending on
 * the model's form.
 *
 * @param shape the folder's configuration, with the caller's initial values and precision
 */
public record HuggingFaceModel(GptConfig shape, Tokenizer tokenizer, Parameters parameters) {
  private static final String MODEL = "model.safetensors";
  private static final String TOKENIZER = "tokenizer.json";
  private static final String CONFIG = "config.json";
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * @throws UserError if no architecture computes the same as a model of this form; names the
   *     switches
   */
  public static void requireCounterpart(GptConfig config) {
    Architecture.of(config);
  }

  /** The name of a form's architecture in {@code config.json}. */
  public static String architecture(GptConfig config) {
    return Architecture.of(config).modelClass;
  }

  /**
   * The folder's files. {@code config.json} comes last, because a folder without it is not a model.
   */
  public static Map<String, byte[]> files(
      GptConfig config, Tokenizer tokenizer, Parameters parameters) {
    ObjectNode shape = HuggingFaceConfig.of(config, tokenizer.vocabularySize());
    TensorMap map = TensorMap.of(Architecture.of(config), config, parameters.layout());
    ObjectNode words = JSON.createObjectNode().put("tokenizer_class", "PreTrainedTokenizerFast");
    words.put("model_max_length", config.context()).put("clean_up_tokenization_spaces", false);
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put(MODEL, Safetensors.write(map.tensors(parameters)));
    files.put(TOKENIZER, utf8(tokenizer.toJson()));
    files.put("tokenizer_config.json", utf8(words.toPrettyString() + "\n"));
    files.put(CONFIG, utf8(shape.toPrettyString() + "\n"));
    return files;
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads a folder from any program: {@code config.json}, {@code model.safetensors} and {@code
   * tokenizer.json}.
   *
   * @param like gives what the folder lacks: initial values and precision
   * @throws UserError that names what has no counterpart here
   */
  public static HuggingFaceModel read(Storage storage, String folder, GptConfig like) {
    HuggingFaceConfig described = config(storage, folder);
    GptConfig shape = described.shape(like);
    Tokenizer tokenizer = tokenizer(storage, folder);
    if (tokenizer.vocabularySize() != described.vocabulary()) {
      throw new UserError(
          Storage.resolve(folder, CONFIG)
              + ": vocab_size = "
              + described.vocabulary()
              + ", where the tokenizer has "
              + tokenizer.vocabularySize()
              + " tokens");
    }
    ParameterLayout layout = ParameterLayout.of(shape, tokenizer.vocabularySize());
    String file = file(storage, folder, MODEL);
    Map<String, Safetensors.Tensor> tensors = Safetensors.read(file, storage.readBytes(file));
    TensorMap map = TensorMap.of(described.architecture(), shape, layout);
    return new HuggingFaceModel(shape, tokenizer, map.parameters(file, tensors, layout));
  }

  /** The shape alone; see {@link #read}. */
  public static GptConfig shape(Storage storage, String folder, GptConfig like) {
    return config(storage, folder).shape(like);
  }

  private static HuggingFaceConfig config(Storage storage, String folder) {
    String file = file(storage, folder, CONFIG);
    try {
      return new HuggingFaceConfig(file, JSON.readTree(storage.readBytes(file)));
    } catch (JsonProcessingException e) {
      throw new UserError(file + ": is not JSON", e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The tokenizer alone; see {@link #read}. */
  public static Tokenizer tokenizer(Storage storage, String folder) {
    String file = file(storage, folder, TOKENIZER);
    try {
      return Tokenizer.fromJson(storage.readString(file));
    } catch (UserError e) {
      throw new UserError(file + ": " + e.getMessage(), e);
    }
  }

  private static String file(Storage storage, String folder, String name) {
    String file = Storage.resolve(folder, name);
    if (!storage.exists(file)) {
      throw new UserError(
          folder
              + ": holds no "
              + name
              + "; name a folder that save_pretrained or jobs/export.sh wrote");
    }
    return file;
  }

  /**
   * Differences of two shapes, except for initial values and precision.
   *
   * @return {@code model.layers: 12 → 4} and the like
   */
  public static List<String> differences(GptConfig here, GptConfig there) {
    JsonNode before = JSON.valueToTree(here);
    JsonNode now = JSON.valueToTree(there);
    List<String> differences = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : before.properties()) {
      String key = entry.getKey();
      if (!key.equals("initStd")
          && !key.equals("precision")
          && !now.get(key).equals(entry.getValue())) {
        differences.add(
            "model." + key + ": " + said(entry.getValue()) + " → " + said(now.get(key)));
      }
    }
    return differences;
  }

  private static String said(JsonNode value) {
    return value.isTextual() ? ConfigReader.spelling(value.asText()) : value.asText();
  }
}
