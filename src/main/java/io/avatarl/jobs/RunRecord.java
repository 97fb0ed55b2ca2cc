package io.avatarl.jobs;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.train.RunFiles;
import io.avatarl.train.Runs;
import java.util.List;

/** The data of a run in a report, as JSON; incomplete for an unfinished run. */
final class RunRecord {
  private static final List<String> UPDATE_FIELDS =
      List.of(
          "reward",
          "entropy",
          "accuracy",
          "confidence",
          "perplexity",
          "kl",
          "reference_kl",
          "kl_weight",
          "clip_fraction",
          "gradient_norm",
          "learning_rate",
          "loss");
  private static final List<String> EVALUATION_FIELDS =
      List.of("val_ce", "val_accuracy", "val_calibration_error");
  private static final ObjectMapper JSON = new ObjectMapper();

  private RunRecord() {}

  /**
   * Reads a run's folder.
   *
   * @throws UserError if there is no run
   */
  static ObjectNode read(Storage storage, String run) {
    TrainingConfig config = Runs.config(storage, run);
    ObjectNode root = JSON.createObjectNode();
    root.put("name", run.replaceAll("/+$", "").replaceAll(".*/", ""));
    root.put("preset", config.preset());
    root.put("seed", config.seed());
    root.put("steps", config.steps());
    root.put("updates_planned", config.updates());
    root.put("prompt", prompt(storage, run, config.sample().prompt()));
    root.put("config", storage.readString(Storage.resolve(run, RunFiles.CONFIG)));
    root.set("summary", json(storage, run, RunFiles.SUMMARY));
    root.set("samples", json(storage, run, RunFiles.SAMPLES));
    root.set("contexts", json(storage, run, RunFiles.CONTEXTS));
    RecordColumns updates = new RecordColumns(UPDATE_FIELDS);
    RecordColumns evaluations = new RecordColumns(EVALUATION_FIELDS);
    ArrayNode stages = JSON.createArrayNode();
    String folder = Storage.resolve(run, RunFiles.METRICS_FOLDER);
    if (storage.exists(folder)) {
      for (String name : storage.list(folder)) {
        if (name.endsWith(".jsonl")) {
          read(storage, Storage.resolve(folder, name), updates, evaluations, stages);
        }
      }
    }
    root.put("steps_done", updates.lastStep());
    root.set("stages", stages);
    root.set("updates", updates.toJson());
    root.set("evaluations", evaluations.toJson());
    return root;
  }

  private static void read(
      Storage storage,
      String file,
      RecordColumns updates,
      RecordColumns evaluations,
      ArrayNode stages) {
    storage
        .readString(file)
        .lines()
        .forEach(
            line -> {
              JsonNode record = parse(file, line);
              switch (record.path("kind").asText()) {
                case "update" -> {
                  updates.add(record);
                  stage(stages, record);
                }
                case "evaluation" -> evaluations.add(record);
                default -> {} // Warnings have no figures.
              }
            });
  }

  /** The prompt of the samples, even if it is the default. */
  private static String prompt(Storage storage, String run, String asked) {
    if (!asked.isEmpty() || CheckpointFolder.list(storage, run).isEmpty()) {
      return asked;
    }
    return CheckpointFolder.find(storage, run, CheckpointFolder.NEWEST)
        .tokenizer(storage)
        .defaultPrompt();
  }

  static JsonNode json(Storage storage, String run, String name) {
    String file = Storage.resolve(run, name);
    return storage.exists(file)
        ? parse(file, storage.readString(file))
        : JSON.getNodeFactory().nullNode();
  }

  static JsonNode parse(String file, String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new UserError(file + ": not readable as JSON; delete the file to report without it", e);
    }
  }

  /** The curriculum's stages, each with its first update. */
  private static void stage(ArrayNode stages, JsonNode record) {
    String stage = record.path("stage").asText();
    if (!stage.equals(stages.path(stages.size() - 1).path("stage").asText(null))) {
      stages.addObject().put("stage", stage).put("update", record.path("update").asLong());
    }
  }
}
