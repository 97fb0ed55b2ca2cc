package io.avatarl.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Content;
import io.avatarl.files.Storage;
import io.avatarl.learner.Learner;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.Gpt;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Safetensors;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a run needs to resume, in a {@link CheckpointFolder}: {@code model.safetensors}, {@code
 * optimizer.safetensors}, {@code config.json} (the model's shape, for readers in other languages),
 * {@code tokenizer.json} and, written last, {@code trainer.json} with the position in training.
 */
final class Checkpoint {
  private static final String FIRST = "exp_avg.";
  private static final String SECOND = "exp_avg_sq.";
  private static final String BEHAVIOUR = "behaviour.";
  private static final ObjectMapper JSON =
      new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  private Checkpoint() {}

  /**
   * Everything that a run needs to resume.
   *
   * @param behaviour weights that the next step's rollouts explore with, if they are made ahead;
   *     else empty
   */
  record State(TrainerState trainer, float[] parameters, float[][] moments, float[] behaviour) {}

  /** Writes a checkpoint after {@code trainer.step()} steps. */
  static CheckpointFolder write(
      Storage storage,
      String run,
      GptConfig config,
      Tokenizer tokenizer,
      Learner learner,
      float[] behaviour,
      TrainerState trainer) {
    ParameterLayout layout = learner.parameters().layout();
    Map<String, Safetensors.View> optimizer = new LinkedHashMap<>();
    float[][] moments = learner.moments();
    optimizer.putAll(Parameters.views(layout, FloatBuffer.wrap(moments[0]), FIRST));
    optimizer.putAll(Parameters.views(layout, FloatBuffer.wrap(moments[1]), SECOND));
    if (behaviour.length > 0) {
      optimizer.putAll(Parameters.views(layout, FloatBuffer.wrap(behaviour), BEHAVIOUR));
    }
    Map<String, Safetensors.View> model = learner.parameters().views();
    byte[] shape = modelConfig(config, tokenizer.vocabularySize());
    byte[] vocabulary = tokenizer.toJson().getBytes(StandardCharsets.UTF_8);
    Map<String, Content> files = new LinkedHashMap<>();
    files.put(CheckpointFolder.MODEL, out -> Safetensors.write(model, out));
    files.put(CheckpointFolder.OPTIMIZER, out -> Safetensors.write(optimizer, out));
    files.put(CheckpointFolder.CONFIG, Content.of(shape));
    files.put(CheckpointFolder.TOKENIZER, Content.of(vocabulary));
    CheckpointFolder folder = CheckpointFolder.of(run, trainer.step());
    folder.write(storage, files, CheckpointFolder.toMarker(trainer));
    return folder;
  }

  /**
   * The vocabulary's size, the components of {@link GptConfig} and the constants of {@link Gpt},
   * for readers in other languages; names in snake case.
   */
  private static byte[] modelConfig(GptConfig config, int vocabulary) {
    ObjectNode node = JSON.createObjectNode().put("vocabulary", vocabulary);
    JSON.<ObjectNode>valueToTree(config)
        .properties()
        .forEach(
            entry -> {
              // Enum constants are spelled as in the configuration.
              JsonNode value = entry.getValue();
              node.set(
                  entry.getKey(),
                  value.isTextual() ? node.textNode(ConfigReader.spelling(value.asText())) : value);
            });
    node.remove("precision"); // how it was trained, not what it is
    node.putObject("constants")
        .put("rms_epsilon", Double.parseDouble(Float.toString(Gpt.RMS_EPSILON)))
        .put("layer_norm_epsilon", Double.parseDouble(Float.toString(Gpt.LAYER_NORM_EPSILON)))
        .put("rotary_base", Gpt.ROTARY_BASE);
    return node.toPrettyString().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads everything needed to continue training.
   *
   * @throws io.avatarl.model.DamagedCheckpoint if a file is damaged
   */
  static State read(Storage storage, CheckpointFolder folder, ParameterLayout layout) {
    TrainerState trainer = folder.content(storage, TrainerState.class);
    float[] parameters = folder.parameters(storage, layout).toArray();
    Map<String, Safetensors.Tensor> optimizer = folder.tensors(storage, CheckpointFolder.OPTIMIZER);
    String file = Storage.resolve(folder.path(), CheckpointFolder.OPTIMIZER);
    return folder.reading(
        CheckpointFolder.OPTIMIZER,
        () -> {
          float[] behaviour =
              optimizer.keySet().stream().anyMatch(name -> name.startsWith(BEHAVIOUR))
                  ? Parameters.fromTensors(layout, optimizer, BEHAVIOUR, file)
                  : new float[0];
          float[][] moments = {
            Parameters.fromTensors(layout, optimizer, FIRST, file),
            Parameters.fromTensors(layout, optimizer, SECOND, file)
          };
          return new State(trainer, parameters, moments, behaviour);
        });
  }

  /**
   * Keeps the newest checkpoints and the best; deletes all other folders, including incomplete
   * ones.
   */
  static void prune(Storage storage, String run, int keep) {
    List<CheckpointFolder> complete = CheckpointFolder.list(storage, run);
    Set<CheckpointFolder> kept =
        new LinkedHashSet<>(complete.subList(Math.max(0, complete.size() - keep), complete.size()));
    CheckpointFolder.best(storage, complete).ifPresent(kept::add);
    for (CheckpointFolder folder : CheckpointFolder.all(storage, run)) {
      if (!kept.contains(folder)) {
        folder.delete(storage);
      }
    }
  }

  /** Deletes the checkpoints after the step that a run resumes from. */
  static void dropAfter(Storage storage, String run, long step) {
    for (CheckpointFolder folder : CheckpointFolder.all(storage, run)) {
      if (folder.step() > step) {
        folder.delete(storage);
      }
    }
  }
}
