package io.avatarl.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Sha256;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * A trained model as a checkpoint's folder holds it, without what only training needs.
 *
 * @param path of the folder
 * @param sha256 of {@code model.safetensors}
 * @param bytes of {@code model.safetensors}
 */
public record SavedModel(
    String path, GptConfig config, Tokenizer tokenizer, String sha256, byte[] bytes)
    implements Serializable {
  private static final String MODEL = "model.safetensors";
  private static final String CONFIG = "config.json";
  private static final String TOKENIZER = "tokenizer.json";
  // Written last: a folder without it is not a checkpoint.
  private static final String MARKER = "trainer.json";
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .build();

  /**
   * Reads the model of a checkpoint, or of a run's newest checkpoint.
   *
   * @param url folder of a run or of a checkpoint, any Hadoop path
   * @throws UserError where there is no model, or a damaged one
   */
  public static SavedModel load(Storage storage, String url) {
    String folder = url;
    if (!storage.exists(Storage.resolve(url, MARKER))) {
      String checkpoints = Storage.resolve(url, "checkpoints");
      List<String> complete =
          storage.exists(checkpoints)
              ? storage.list(checkpoints).stream()
                  .filter(name -> name.matches("step-\\d+"))
                  .map(name -> Storage.resolve(checkpoints, name))
                  .filter(path -> storage.exists(Storage.resolve(path, MARKER)))
                  .toList()
              : List.of();
      if (complete.isEmpty()) {
        throw new UserError(
            url
                + ": holds no model; name the folder of a run that has a checkpoint, or of the checkpoint");
      }
      folder = complete.get(complete.size() - 1);
    }
    byte[] bytes = verified(storage, folder, MODEL);
    return new SavedModel(
        folder,
        config(storage, folder),
        Tokenizer.fromJson(text(verified(storage, folder, TOKENIZER))),
        Sha256.of(bytes),
        bytes);
  }

  private static GptConfig config(Storage storage, String folder) {
    try {
      ObjectNode node = (ObjectNode) JSON.readTree(text(verified(storage, folder, CONFIG)));
      node.remove(List.of("vocabulary", "constants"));
      return JSON.treeToValue(node, GptConfig.class);
    } catch (JsonProcessingException | ClassCastException e) {
      throw new UserError(
          Storage.resolve(folder, CONFIG)
              + ": not a model of this version; use the version of avatarl that wrote it",
          e);
    }
  }

  /** The parameters in the layout of {@link #config}. */
  public Parameters parameters() {
    ParameterLayout layout = ParameterLayout.of(config, tokenizer.vocabularySize());
    String file = Storage.resolve(path, MODEL);
    Map<String, Safetensors.Tensor> tensors = Safetensors.read(file, bytes);
    Parameters parameters = new Parameters(layout);
    parameters.set(Parameters.fromTensors(layout, tensors, "", file));
    return parameters;
  }

  private static byte[] verified(Storage storage, String folder, String name) {
    String file = Storage.resolve(folder, name);
    byte[] bytes = storage.readBytes(file);
    JsonNode marker;
    try {
      marker = JSON.readTree(storage.readBytes(Storage.resolve(folder, MARKER)));
    } catch (IOException e) {
      throw new UserError(
          Storage.resolve(folder, MARKER) + ": damaged; use another checkpoint of the run", e);
    }
    if (!Sha256.of(bytes).equals(marker.path("sha256").path(name).asText())) {
      throw new UserError(
          file + ": damaged (its checksum does not match); use another checkpoint of the run");
    }
    return bytes;
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
