package io.avatarl.model;

import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Sha256;
import io.avatarl.files.Storage;
import java.io.Serializable;
import java.util.List;
import java.util.Map;

/**
 * A trained model from a checkpoint, without the state that only training needs.
 *
 * @param path of the folder
 * @param sha256 of {@code model.safetensors}
 * @param bytes of {@code model.safetensors}
 */
public record SavedModel(
    String path, GptConfig config, Tokenizer tokenizer, String sha256, byte[] bytes)
    implements Serializable {
  /**
   * Reads the model of a checkpoint, or of a run's newest checkpoint.
   *
   * @param url folder of a run or of a checkpoint, any Hadoop path
   * @throws UserError if there is no model, or a damaged one
   */
  public static SavedModel load(Storage storage, String url) {
    CheckpointFolder folder = new CheckpointFolder(0, url);
    if (!storage.exists(Storage.resolve(url, CheckpointFolder.MARKER))) {
      List<CheckpointFolder> complete = CheckpointFolder.list(storage, url);
      if (complete.isEmpty()) {
        throw new UserError(
            url
                + ": holds no model; name the folder of a run that has a checkpoint, or of the checkpoint");
      }
      folder = complete.get(complete.size() - 1);
    }
    byte[] bytes = folder.read(storage, CheckpointFolder.MODEL);
    return new SavedModel(
        folder.path(), folder.config(storage), folder.tokenizer(storage), Sha256.of(bytes), bytes);
  }

  /** The parameters in the layout of {@link #config}. */
  public Parameters parameters() {
    ParameterLayout layout = ParameterLayout.of(config, tokenizer.vocabularySize());
    String file = Storage.resolve(path, CheckpointFolder.MODEL);
    Map<String, Safetensors.Tensor> tensors = Safetensors.read(file, bytes);
    float[] values = Parameters.fromTensors(layout, tensors, "", file);
    Parameters parameters = new Parameters(layout);
    parameters.set(values);
    return parameters;
  }
}
