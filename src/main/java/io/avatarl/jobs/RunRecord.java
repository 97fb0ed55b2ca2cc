package io.avatarl.jobs;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.train.RunFiles;
import io.avatarl.train.Runs;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.TreeMap;

/** The data of a run in a report, as JSON; incomplete for an unfinished run. */
final class RunRecord {
  /** Most points of a chart; more would not be visible. */
  private static final int POINTS = 400;

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
    root.put("prompt", config.sample().prompt());
    root.put("config", storage.readString(Storage.resolve(run, RunFiles.CONFIG)));
    root.set("summary", json(storage, run, RunFiles.SUMMARY));
    root.set("samples", json(storage, run, RunFiles.SAMPLES));
    root.set("contexts", json(storage, run, RunFiles.CONTEXTS));
    List<JsonNode> updates = new ArrayList<>();
    List<JsonNode> evaluations = new ArrayList<>();
    String folder = Storage.resolve(run, RunFiles.METRICS_FOLDER);
    if (storage.exists(folder)) {
      for (String name : storage.list(folder)) {
        if (name.endsWith(".jsonl")) {
          read(storage, Storage.resolve(folder, name), updates, evaluations);
        }
      }
    }
    root.put(
        "steps_done",
        updates.isEmpty() ? 0 : updates.get(updates.size() - 1).path("step").asLong());
    root.set("stages", stages(updates));
    root.set("updates", columns(updates, UPDATE_FIELDS));
    root.set("evaluations", columns(evaluations, EVALUATION_FIELDS));
    return root;
  }

  private static void read(
      Storage storage, String file, List<JsonNode> updates, List<JsonNode> evaluations) {
    for (String line : storage.readString(file).lines().toList()) {
      JsonNode record = parse(file, line);
      switch (record.path("kind").asText()) {
        case "update" -> updates.add(record);
        case "evaluation" -> evaluations.add(record);
        default -> {} // Warnings have no numbers.
      }
    }
  }

  private static JsonNode json(Storage storage, String run, String name) {
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
  private static ArrayNode stages(List<JsonNode> updates) {
    ArrayNode stages = JSON.createArrayNode();
    String last = null;
    for (JsonNode record : updates) {
      String stage = record.path("stage").asText();
      if (!stage.equals(last)) {
        stages.addObject().put("stage", stage).put("update", record.path("update").asLong());
        last = stage;
      }
    }
    return stages;
  }

  /**
   * Records as columns, one point per step or, if there are too many, per range of steps. (Within a
   * step, metrics like the KL start at 0 and rise with each update.)
   */
  private static ObjectNode columns(List<JsonNode> records, List<String> fields) {
    TreeMap<Long, List<JsonNode>> steps = new TreeMap<>();
    records.forEach(
        r -> steps.computeIfAbsent(r.path("step").asLong(), s -> new ArrayList<>()).add(r));
    List<List<JsonNode>> ordered = List.copyOf(steps.values());
    int points = Math.min(POINTS, ordered.size());
    ObjectNode columns = JSON.createObjectNode();
    columns.putArray("update");
    fields.forEach(columns::putArray);
    for (int i = 0; i < points; i++) {
      int from = (int) ((long) ordered.size() * i / points);
      int to = (int) ((long) ordered.size() * (i + 1) / points);
      List<JsonNode> stretch = ordered.subList(from, to).stream().flatMap(List::stream).toList();
      columns.withArray("update").add(stretch.get(stretch.size() - 1).path("update").asLong());
      for (String field : fields) {
        OptionalDouble mean =
            stretch.stream()
                .map(r -> r.path(field))
                .filter(JsonNode::isNumber)
                .mapToDouble(JsonNode::asDouble)
                .filter(Double::isFinite)
                .average();
        if (mean.isPresent()) {
          columns.withArray(field).add(mean.getAsDouble());
        } else {
          columns.withArray(field).addNull();
        }
      }
    }
    return columns;
  }
}
