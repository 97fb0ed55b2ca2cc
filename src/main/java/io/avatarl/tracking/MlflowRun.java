package io.avatarl.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.files.Storage;
import io.avatarl.train.RunFiles;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A run in MLflow: a new one with the configuration, or the earlier one if training was resumed.
 * Files are uploaded if the server itself accepts them ({@code mlflow-artifacts:}). Elsewhere, as
 * on Databricks, the tag {@code avatarl.run} names the run's folder.
 */
final class MlflowRun implements DeliveryQueue.Receiver {
  /** Status of a run that is complete. */
  static final String FINISHED = "FINISHED";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final MlflowApi api;
  private final Storage storage;
  private final TrainingConfig config;
  private final String folder;
  private final boolean resumed;
  private Optional<MlflowApi.Run> run = Optional.empty();
  private boolean described;
  private boolean incomplete;
  private boolean registered;

  /**
   * @param folder the run's own
   * @param resumed whether an earlier process began the run
   */
  MlflowRun(MlflowApi api, Storage storage, TrainingConfig config, String folder, boolean resumed) {
    this.api = api;
    this.storage = storage;
    this.config = config;
    this.folder = folder;
    this.resumed = resumed;
  }

  @Override
  public void open() throws IOException, InterruptedException {
    if (run.isEmpty()) {
      run = Optional.of(createOrGoOn());
    }
    if (!described) {
      describe();
    }
  }

  @Override
  public boolean isOpen() {
    return run.isPresent();
  }

  private MlflowApi.Run createOrGoOn() throws IOException, InterruptedException {
    String marker = Storage.resolve(folder, RunFiles.TRACKING);
    if (resumed && storage.exists(marker)) {
      JsonNode before = JSON.readTree(storage.readBytes(marker));
      if (before.path("server").asText().equals(api.server())) {
        MlflowApi.Run same = api.goOn(before.path("run_id").asText());
        described = true;
        return same;
      }
    }
    Map<String, String> tags = new LinkedHashMap<>();
    tags.put("avatarl.run", folder);
    tags.put("avatarl.preset", config.preset());
    String name = folder.replaceAll("/+$", "").replaceAll(".*/", "");
    MlflowApi.Run created = api.create(config.tracking().experiment(), name, tags);
    storage.writeString(
        marker,
        JSON.createObjectNode().put("server", api.server()).put("run_id", created.id()) + "\n");
    return created;
  }

  /** Logs the configuration. A rejection is final; other failures are retried. */
  private void describe() throws IOException, InterruptedException {
    List<Map.Entry<String, String>> params =
        ConfigReader.flat(config).entrySet().stream().filter(p -> !p.getValue().isEmpty()).toList();
    try {
      api.logParams(run.orElseThrow(), params);
    } catch (RefusedException e) {
      described = true;
      throw e;
    }
    described = true;
  }

  @Override
  public void deliver(List<TimedRecord> records) throws IOException, InterruptedException {
    api.logMetrics(run.orElseThrow(), records);
  }

  @Override
  public void upload(String name) throws IOException, InterruptedException {
    String file = Storage.resolve(folder, name);
    if (run.orElseThrow().takesFiles() && storage.exists(file)) {
      try {
        api.upload(run.orElseThrow(), name, storage.readBytes(file));
      } catch (RefusedException e) {
        incomplete = true;
        throw e;
      }
    }
  }

  /**
   * Registers the exported model of a finished run. A server that accepts no files gets the
   * folder's path.
   */
  private void register() throws IOException, InterruptedException {
    String name = config.tracking().register();
    if (incomplete) {
      throw new RefusedException(
          name + " is not registered: the server did not accept all of its files");
    }
    MlflowApi.Run tracked = run.orElseThrow();
    String source =
        tracked.takesFiles()
            ? Storage.resolve(tracked.artifactUri(), RunFiles.EXPORTED)
            : storage.qualified(Storage.resolve(folder, RunFiles.EXPORTED));
    api.register(tracked, name, source);
  }

  @Override
  public void end(String status) throws IOException, InterruptedException {
    if (status.equals(FINISHED) && !registered && !config.tracking().register().isEmpty()) {
      try {
        register();
        registered = true;
      } catch (RefusedException e) {
        registered = true; // not tried again
        api.end(run.orElseThrow(), status);
        throw e;
      }
    }
    api.end(run.orElseThrow(), status);
  }
}
