package io.avatarl.tracking;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.TrackingConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.files.Storage;
import io.avatarl.train.RunFiles;
import io.avatarl.train.Summary;
import io.avatarl.train.TrainingListener;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Sends a run's configuration, records and result to an MLflow tracking server.
 *
 * <p>Training never waits for the server: {@link DeliveryQueue} delivers until the run ends, and
 * the first failure is one warning. Requests that the server rejects permanently (a 4xx answer) are
 * not sent again.
 */
public final class MlflowTracker implements TrainingListener, AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final MlflowApi api;
  private final Storage storage;
  private final Consumer<String> warnings;
  private final DeliveryQueue queue;
  private volatile String folder = "";
  private volatile String status = "KILLED";

  /**
   * A tracker for a run; empty if {@code tracking.uri} is empty.
   *
   * @param environment for the token, and for the host of Databricks
   * @param warnings called on the training thread
   */
  public static Optional<MlflowTracker> of(
      TrackingConfig config,
      Map<String, String> environment,
      Storage storage,
      Consumer<String> warnings) {
    return config.uri().isEmpty()
        ? Optional.empty()
        : Optional.of(new MlflowTracker(config, environment, storage, warnings, Patience.USUAL));
  }

  MlflowTracker(
      TrackingConfig config,
      Map<String, String> environment,
      Storage storage,
      Consumer<String> warnings,
      Patience patience) {
    this.api = new MlflowApi(config, environment, patience.request());
    this.storage = storage;
    this.warnings = warnings;
    this.queue = new DeliveryQueue(MlflowApi.BATCH_METRICS, patience);
  }

  @Override
  public void started(TrainingConfig config, Facts facts, long step) {
    folder = facts.output();
    queue.start(new MlflowRun(api, storage, config, folder, step > 0));
  }

  @Override
  public void recorded(ObjectNode record) {
    queue.add(TimedRecord.now(record));
    passOnTrouble();
  }

  /**
   * Ends a complete run: its summary and files are delivered, too.
   *
   * @param model files of the exported model, names in the run's folder; empty if none is
   *     registered
   */
  public void finished(Summary summary, List<String> model) {
    ObjectNode figures = JSON.createObjectNode().put("kind", "summary");
    figures.put("update", summary.updates());
    try {
      JSON.readTree(summary.toJson())
          .properties()
          .forEach(
              figure -> {
                if (figure.getValue().isNumber()) {
                  figures.set("summary/" + figure.getKey(), figure.getValue());
                }
              });
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    queue.addFiles(List.of(RunFiles.CONFIG, RunFiles.SUMMARY, RunFiles.REPORT), Duration.ZERO);
    long bytes =
        model.stream().mapToLong(file -> storage.length(Storage.resolve(folder, file))).sum();
    queue.addFiles(model, MlflowApi.uploading(bytes));
    queue.add(TimedRecord.now(figures));
    status = MlflowRun.FINISHED;
  }

  /**
   * Delivers what is left within a few seconds and reports how much was not delivered. Without an
   * earlier {@link #finished}, the MLflow run ends as killed.
   */
  @Override
  public void close() {
    long undelivered = queue.close(status);
    passOnTrouble();
    if (undelivered > 0) {
      warnings.accept(
          "tracking: "
              + undelivered
              + " records could not be delivered to "
              + api.server()
              + "; they are in "
              + Storage.resolve(folder, RunFiles.METRICS_FOLDER));
    }
  }

  /** Passes on warnings of the delivery thread, on the caller's thread. */
  private void passOnTrouble() {
    queue
        .newTrouble()
        .ifPresent(
            why ->
                warnings.accept(
                    "tracking: " + api.server() + " does not accept the run's records: " + why));
  }
}
