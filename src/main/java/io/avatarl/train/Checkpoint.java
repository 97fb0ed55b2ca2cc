package io.avatarl.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Sha256;
import io.avatarl.files.Storage;
import io.avatarl.learner.Learner;
import io.avatarl.model.Gpt;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Safetensors;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * A checkpoint folder, {@code RUN/checkpoints/step-NNNNNN/}: {@code model.safetensors}, {@code
 * optimizer.safetensors}, {@code config.json} (the model's shape, for readers in other languages),
 * {@code tokenizer.json} and, written last, {@code trainer.json} with the position in training and
 * the checksums of the others. A folder without a matching {@code trainer.json} is not a
 * checkpoint, so that nothing depends on atomic renames of folders.
 *
 * @param step steps done
 * @param path of the folder
 */
public record Checkpoint(long step, String path) {
  static final String MODEL = "model.safetensors";
  static final String OPTIMIZER = "optimizer.safetensors";
  static final String MODEL_CONFIG = "config.json";
  static final String TOKENIZER = "tokenizer.json";
  static final String TRAINER = "trainer.json";
  private static final String FIRST = "exp_avg.";
  private static final String SECOND = "exp_avg_sq.";
  private static final String BEHAVIOUR = "behaviour.";
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  /**
   * Position in training.
   *
   * @param entropy of the policy in the last step, nats per state
   * @param reward mean in the last step
   * @param stageSeconds by the stage's name
   * @param klWeight state of the KL controller
   * @param curriculum where the curriculum stands
   */
  record Trainer(
      long step,
      long updates,
      long groups,
      long rollouts,
      double entropy,
      double reward,
      double trainSeconds,
      Map<String, Double> stageSeconds,
      double klWeight,
      Curriculum.Position curriculum) {}

  /**
   * Everything a run needs to go on.
   *
   * @param behaviour weights that the rollouts of the next step explore with, when they are made
   *     ahead; else empty
   */
  record State(Trainer trainer, float[] parameters, float[][] moments, float[] behaviour) {}

  static String folder(String run) {
    return Storage.resolve(run, "checkpoints");
  }

  /** Writes a checkpoint after {@code trainer.step()} steps. */
  static Checkpoint write(
      Storage storage,
      String run,
      GptConfig config,
      Tokenizer tokenizer,
      Learner learner,
      float[] behaviour,
      Trainer trainer) {
    String path = Storage.resolve(folder(run), String.format("step-%06d", trainer.step()));
    ParameterLayout layout = learner.parameters().layout();
    Map<String, Safetensors.Tensor> optimizer = new LinkedHashMap<>();
    optimizer.putAll(Parameters.toTensors(layout, learner.moments()[0], FIRST));
    optimizer.putAll(Parameters.toTensors(layout, learner.moments()[1], SECOND));
    if (behaviour.length > 0) {
      optimizer.putAll(Parameters.toTensors(layout, behaviour, BEHAVIOUR));
    }
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put(MODEL, Safetensors.write(learner.parameters().toTensors()));
    files.put(OPTIMIZER, Safetensors.write(optimizer));
    files.put(MODEL_CONFIG, modelConfig(config, tokenizer.vocabularySize()));
    files.put(TOKENIZER, tokenizer.toJson().getBytes(StandardCharsets.UTF_8));
    ObjectNode marker = JSON.valueToTree(trainer);
    ObjectNode checksums = marker.putObject("sha256");
    files.forEach(
        (name, bytes) -> {
          storage.writeBytes(Storage.resolve(path, name), bytes);
          checksums.put(name, Sha256.of(bytes));
        });
    storage.writeString(Storage.resolve(path, TRAINER), marker.toPrettyString());
    return new Checkpoint(trainer.step(), path);
  }

  /**
   * The vocabulary's size, the components of {@link GptConfig} and the constants of {@link Gpt},
   * which a reader in another language needs as well; names in snake case.
   */
  private static byte[] modelConfig(GptConfig config, int vocabulary) {
    ObjectNode node = JSON.createObjectNode().put("vocabulary", vocabulary);
    JSON.<ObjectNode>valueToTree(config)
        .properties()
        .forEach(
            entry -> {
              // Enum constants, spelled as in the configuration.
              JsonNode value = entry.getValue();
              node.set(
                  entry.getKey(),
                  value.isTextual() ? node.textNode(ConfigReader.spelling(value.asText())) : value);
            });
    node.putObject("constants")
        .put("rms_epsilon", Double.parseDouble(Float.toString(Gpt.RMS_EPSILON)))
        .put("layer_norm_epsilon", Double.parseDouble(Float.toString(Gpt.LAYER_NORM_EPSILON)))
        .put("rotary_base", Gpt.ROTARY_BASE);
    return node.toPrettyString().getBytes(StandardCharsets.UTF_8);
  }

  /** Complete checkpoints of a run, oldest first. */
  public static List<Checkpoint> list(Storage storage, String run) {
    if (!storage.exists(folder(run))) {
      return List.of();
    }
    return storage.list(folder(run)).stream()
        .filter(name -> name.matches("step-\\d+"))
        .map(
            name ->
                new Checkpoint(
                    Long.parseLong(name.substring("step-".length())),
                    Storage.resolve(folder(run), name)))
        .filter(checkpoint -> storage.exists(Storage.resolve(checkpoint.path, TRAINER)))
        .toList();
  }

  /** The newest checkpoint of a run, or the one after {@code step} steps. */
  public static Checkpoint find(Storage storage, String run, OptionalLong step) {
    List<Checkpoint> all = list(storage, run);
    if (all.isEmpty()) {
      throw new UserError(
          run
              + ": holds no complete checkpoint yet; go on with the run by jobs/train.sh --resume --out "
              + run);
    }
    if (step.isEmpty()) {
      return all.get(all.size() - 1);
    }
    return all.stream()
        .filter(checkpoint -> checkpoint.step == step.getAsLong())
        .findFirst()
        .orElseThrow(
            () ->
                new UserError(
                    run
                        + ": no checkpoint of step "
                        + step.getAsLong()
                        + "; there are steps "
                        + all.stream().map(c -> Long.toString(c.step)).toList()));
  }

  /** The model's parameters. */
  public Parameters model(Storage storage, ParameterLayout layout) {
    Parameters parameters = new Parameters(layout);
    parameters.set(
        Parameters.fromTensors(layout, tensors(storage, MODEL), "", Storage.resolve(path, MODEL)));
    return parameters;
  }

  /** The tokenizer the model was trained with. */
  public Tokenizer tokenizer(Storage storage) {
    return Tokenizer.fromJson(new String(verified(storage, TOKENIZER), StandardCharsets.UTF_8));
  }

  /** Everything needed to train on. */
  State state(Storage storage, ParameterLayout layout) {
    Map<String, Safetensors.Tensor> optimizer = tensors(storage, OPTIMIZER);
    String file = Storage.resolve(path, OPTIMIZER);
    float[] behaviour =
        optimizer.keySet().stream().anyMatch(name -> name.startsWith(BEHAVIOUR))
            ? Parameters.fromTensors(layout, optimizer, BEHAVIOUR, file)
            : new float[0];
    return new State(
        trainer(storage),
        model(storage, layout).toArray(),
        new float[][] {
          Parameters.fromTensors(layout, optimizer, FIRST, file),
          Parameters.fromTensors(layout, optimizer, SECOND, file)
        },
        behaviour);
  }

  private Map<String, Safetensors.Tensor> tensors(Storage storage, String name) {
    return Safetensors.read(Storage.resolve(path, name), verified(storage, name));
  }

  /** Position in training. */
  public Trainer trainer(Storage storage) {
    ObjectNode node = marker(storage);
    node.remove("sha256");
    try {
      return JSON.treeToValue(node, Trainer.class);
    } catch (JsonProcessingException e) {
      throw damaged(TRAINER, e);
    }
  }

  private ObjectNode marker(Storage storage) {
    try {
      return (ObjectNode) JSON.readTree(storage.readBytes(Storage.resolve(path, TRAINER)));
    } catch (java.io.IOException | ClassCastException e) {
      throw damaged(TRAINER, e);
    }
  }

  private byte[] verified(Storage storage, String name) {
    byte[] bytes = storage.readBytes(Storage.resolve(path, name));
    String expected = marker(storage).path("sha256").path(name).asText();
    if (!Sha256.of(bytes).equals(expected)) {
      throw damaged(name, null);
    }
    return bytes;
  }

  private UserError damaged(String name, Throwable cause) {
    return new UserError(
        Storage.resolve(path, name)
            + ": damaged (its checksum does not match); delete the folder to use the checkpoint before it",
        cause);
  }
}
