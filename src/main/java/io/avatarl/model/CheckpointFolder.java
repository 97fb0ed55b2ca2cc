package io.avatarl.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Content;
import io.avatarl.files.Sha256;
import io.avatarl.files.Storage;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A checkpoint on disk, {@code RUN/checkpoints/step-NNNNNN/}: its files and {@link #MARKER}. The
 * marker is written last; it holds the files' lengths and checksums, and its own checksum. A folder
 * without a marker is not a checkpoint, so nothing depends on atomic renames of folders. A file
 * that does not match the marker is {@link DamagedCheckpoint damaged}.
 *
 * @param step steps done
 * @param path of the folder
 */
public record CheckpointFolder(long step, String path) {
  public static final String MODEL = "model.safetensors";
  public static final String OPTIMIZER = "optimizer.safetensors";
  public static final String CONFIG = "config.json";
  public static final String TOKENIZER = "tokenizer.json";
  public static final String MARKER = "trainer.json";

  /** Asks {@link #find} for the checkpoint with the lowest validation cross-entropy. */
  public static final String BEST = "best";

  /** Asks {@link #find} for the newest checkpoint. */
  public static final String NEWEST = "newest";

  private static final String NAME = "step-\\d{1,18}";
  private static final String SHA256 = "sha256";
  private static final String BYTES = "bytes";
  private static final String EVALUATION = "evaluation";
  // Longest marker in bytes; a real one holds some hundred numbers.
  private static final int LARGEST_MARKER = 16_000_000;
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .build();

  /** The folder that holds a run's checkpoints. */
  private static String parent(String run) {
    return Storage.resolve(run, "checkpoints");
  }

  /** The folder for the checkpoint after {@code step} steps. */
  public static CheckpointFolder of(String run, long step) {
    return new CheckpointFolder(
        step, Storage.resolve(parent(run), String.format("step-%06d", step)));
  }

  /** All of a run's checkpoint folders by step, including those without a marker. */
  public static List<CheckpointFolder> all(Storage storage, String run) {
    if (!storage.exists(parent(run))) {
      return List.of();
    }
    return storage.list(parent(run)).stream()
        .filter(name -> name.matches(NAME))
        .map(
            name ->
                new CheckpointFolder(
                    Long.parseLong(name.substring("step-".length())),
                    Storage.resolve(parent(run), name)))
        .sorted(Comparator.comparingLong(CheckpointFolder::step))
        .toList();
  }

  /** A run's checkpoints by step; their files are not verified. */
  public static List<CheckpointFolder> list(Storage storage, String run) {
    return all(storage, run).stream().filter(folder -> folder.isMarked(storage)).toList();
  }

  private boolean isMarked(Storage storage) {
    return storage.exists(file(MARKER));
  }

  /**
   * A checkpoint of a run.
   *
   * @param which {@link #NEWEST}, {@link #BEST} or a step
   */
  public static CheckpointFolder find(Storage storage, String run, String which) {
    List<CheckpointFolder> all = list(storage, run);
    if (all.isEmpty()) {
      throw new UserError(
          run
              + ": holds no complete checkpoint yet; continue the run with jobs/train.sh --resume"
              + " --out '"
              + run
              + "'");
    }
    if (which.equals(NEWEST)) {
      return all.get(all.size() - 1);
    }
    if (which.equals(BEST)) {
      return best(storage, all)
          .orElseThrow(
              () ->
                  new UserError(
                      run
                          + ": no checkpoint has a validation score (evaluation.every was 0, or"
                          + " no evaluation came before a checkpoint); name a step"));
    }
    return all.stream()
        .filter(folder -> Long.toString(folder.step).equals(which))
        .findFirst()
        .orElseThrow(
            () ->
                new UserError(
                    run
                        + ": no checkpoint of step "
                        + which
                        + "; there are steps "
                        + all.stream().map(c -> Long.toString(c.step)).toList()));
  }

  /**
   * The checkpoint whose last evaluation had the lowest cross-entropy. Among equals it is the
   * earliest, which is the one that was evaluated. Checkpoints with an unreadable marker are
   * skipped.
   */
  public static Optional<CheckpointFolder> best(Storage storage, List<CheckpointFolder> all) {
    CheckpointFolder best = null;
    double lowest = Double.POSITIVE_INFINITY;
    for (CheckpointFolder folder : all) {
      double ce = Double.NaN;
      try {
        ce = folder.marker(storage).path(EVALUATION).path("val_ce").asDouble(Double.NaN);
      } catch (DamagedCheckpoint e) {
        // Skipped; asking for this checkpoint by its step reports the damage.
      }
      if (ce < lowest) {
        best = folder;
        lowest = ce;
      }
    }
    return Optional.ofNullable(best);
  }

  /**
   * Writes the files, then the marker: the content of {@code marker} with lengths and checksums.
   */
  public void write(Storage storage, Map<String, Content> files, ObjectNode marker) {
    // An older checkpoint here must not count as one while it is half overwritten.
    storage.delete(file(MARKER));
    ObjectNode lengths = marker.putObject(BYTES);
    ObjectNode checksums = marker.putObject(SHA256);
    files.forEach(
        (name, content) -> {
          storage.write(file(name), out -> checksums.put(name, Sha256.copying(content, out)));
          lengths.put(name, storage.length(file(name)));
        });
    checksums.put(MARKER, checksum(marker));
    storage.writeString(file(MARKER), marker.toPrettyString());
  }

  /** Deletes the checkpoint, marker first, so that no reader takes the rest for complete. */
  public void delete(Storage storage) {
    storage.delete(file(MARKER));
    storage.delete(path);
  }

  /** The marker's content as given to {@link #write}, without lengths and checksums. */
  public ObjectNode content(Storage storage) {
    ObjectNode marker = marker(storage);
    marker.remove(List.of(BYTES, SHA256));
    return marker;
  }

  /** A file of the checkpoint, verified. */
  public byte[] read(Storage storage, String name) {
    ObjectNode marker = marker(storage);
    long expected = marker.path(BYTES).path(name).asLong(-1);
    byte[] bytes = bytes(storage, name, expected, expected);
    if (!Sha256.of(bytes).equals(marker.path(SHA256).path(name).asText())) {
      throw damaged(name, "its checksum does not match", null);
    }
    return bytes;
  }

  /** The tensors of a file of the checkpoint. */
  public Map<String, Safetensors.Tensor> tensors(Storage storage, String name) {
    return reading(name, () -> Safetensors.read(file(name), read(storage, name)));
  }

  /** The model's parameters. */
  public Parameters parameters(Storage storage, ParameterLayout layout) {
    Map<String, Safetensors.Tensor> tensors = tensors(storage, MODEL);
    return reading(
        MODEL,
        () -> {
          // Allocate only after the file is known to fill the layout.
          float[] values = Parameters.fromTensors(layout, tensors, "", file(MODEL));
          Parameters parameters = new Parameters(layout);
          parameters.set(values);
          return parameters;
        });
  }

  /** The tokenizer the model was trained with. */
  public Tokenizer tokenizer(Storage storage) {
    byte[] json = read(storage, TOKENIZER);
    return reading(TOKENIZER, () -> Tokenizer.fromJson(new String(json, StandardCharsets.UTF_8)));
  }

  /** The model's shape; it multiplies in float32. */
  public GptConfig config(Storage storage) {
    try {
      ObjectNode node = (ObjectNode) JSON.readTree(read(storage, CONFIG));
      node.remove(List.of("vocabulary", "constants"));
      // A setting of training that the file does not hold.
      node.put("precision", GptConfig.Precision.FLOAT32.name());
      return JSON.treeToValue(node, GptConfig.class);
    } catch (java.io.IOException | ClassCastException | IllegalArgumentException e) {
      throw new UserError(
          file(CONFIG) + ": not a model of this version; use the version of avatarl that wrote it",
          e);
    }
  }

  /** Reads the content of a file with a matching checksum; the content may still be unusable. */
  public <T> T reading(String name, Supplier<T> reader) {
    try {
      return reader.get();
    } catch (DamagedCheckpoint e) {
      throw e;
    } catch (UserError e) {
      throw damaged(name, e.getMessage(), e);
    }
  }

  /**
   * @param type a record
   */
  public <T> T content(Storage storage, Class<T> type) {
    try {
      return JSON.treeToValue(content(storage), type);
    } catch (JsonProcessingException | IllegalArgumentException e) {
      throw damaged(MARKER, "not a checkpoint of this version of avatarl", e);
    }
  }

  /** Content in the marker's form: property names in snake case. */
  public static ObjectNode toMarker(Object content) {
    return JSON.valueToTree(content);
  }

  private ObjectNode marker(Storage storage) {
    JsonNode node;
    try {
      node = JSON.readTree(bytes(storage, MARKER, 2, LARGEST_MARKER));
    } catch (java.io.IOException e) {
      throw damaged(MARKER, "it is not JSON", e);
    }
    if (!(node instanceof ObjectNode marker)
        || !(marker.path(SHA256) instanceof ObjectNode checksums)) {
      throw damaged(MARKER, "it holds no checksums", null);
    }
    String own = checksums.path(MARKER).asText();
    checksums.remove(MARKER);
    if (!own.equals(checksum(marker))) {
      throw damaged(MARKER, "its checksum does not match", null);
    }
    return marker;
  }

  /** The checksum of a marker without its own checksum field. */
  private static String checksum(ObjectNode marker) {
    return Sha256.of(marker.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** The whole file; its length is checked before anything is read. */
  private byte[] bytes(Storage storage, String name, long shortest, long longest) {
    if (!storage.exists(file(name))) {
      throw damaged(name, "it is missing", null);
    }
    long length = storage.length(file(name));
    if (length < shortest || length > longest) {
      throw damaged(name, "it has " + length + " bytes", null);
    }
    return storage.readBytes(file(name));
  }

  private String file(String name) {
    return Storage.resolve(path, name);
  }

  private DamagedCheckpoint damaged(String name, String why, Throwable cause) {
    return new DamagedCheckpoint(file(name), why, cause);
  }
}
