package io.avatarl.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrackingConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;

/**
 * Sends a run's configuration, records and result to an MLflow tracking server (<a
 * href="https://mlflow.org/docs/latest/rest-api.html">MLflow REST API</a> 2.0).
 *
 * <p>A thread of its own delivers, in order, so that training never waits. What cannot be delivered
 * stays in a queue and is tried again until the run ends; the first failure is one warning. What a
 * server refuses for good (a 4xx answer) is not sent again.
 *
 * <p>The numbers of an update become metrics at the MLflow step of that update. Artifacts are
 * uploaded where the server hands them on itself ({@code mlflow-artifacts:}); elsewhere, as on
 * Databricks, the tag {@code avatarl.run} names the run's folder.
 *
 * <p>The token, {@code MLFLOW_TRACKING_TOKEN} or for Databricks {@code DATABRICKS_TOKEN}, is sent
 * to that server alone and never written anywhere.
 */
public final class MlflowTracker implements TrainingListener, AutoCloseable {
  /** Limits of one {@code runs/log-batch}. */
  private static final int BATCH_METRICS = 1000;

  private static final int BATCH_PARAMS = 100;

  /** Longest value of a parameter that every MLflow version takes. */
  private static final int PARAM_LENGTH = 250;

  private static final String API = "/api/2.0/mlflow/";
  private static final String PROXY = "mlflow-artifacts:";
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * How patient the tracker is.
   *
   * @param request for an answer
   * @param firstRetry between the first failure and the next attempt; doubles with each failure
   * @param lastRetry longest such pause
   * @param close at the run's end, for all that is not delivered yet
   */
  record Patience(Duration request, Duration firstRetry, Duration lastRetry, Duration close) {
    static final Patience USUAL =
        new Patience(
            Duration.ofSeconds(10),
            Duration.ofSeconds(1),
            Duration.ofSeconds(30),
            Duration.ofSeconds(20));
  }

  /** One line of {@code RUN/metrics/}. */
  private record Entry(ObjectNode record, long milliseconds) {}

  /** The server's no, which trying again does not change. */
  private static final class RefusedException extends IOException {
    RefusedException(String message) {
      super(message);
    }
  }

  private final String server;
  private final Optional<String> token;
  private final String experiment;
  private final Storage storage;
  private final Consumer<String> warnings;
  private final Patience patience;
  private final HttpClient client;
  private final Thread thread;
  private final Queue<String> said = new ConcurrentLinkedQueue<>();

  // Guarded by this.
  private final Deque<Entry> entries = new ArrayDeque<>();
  private final List<String> artifacts = new ArrayList<>();
  private TrainingConfig config;
  private String folder;
  private boolean resumed;
  private String status;
  private boolean closing;
  private boolean done;
  private long refused;

  // The delivering thread's.
  private String run;
  private String artifactUri = "";
  private boolean described;
  private boolean warned;

  /**
   * A tracker for a run; empty where {@code tracking.uri} is.
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
    String host = withoutSlash(environment.getOrDefault("DATABRICKS_HOST", ""));
    boolean databricks = config.uri().equals(TrackingConfig.DATABRICKS);
    if (databricks && !host.matches("https?://.+")) {
      throw new UserError(
          "tracking.uri = databricks: set DATABRICKS_HOST to https://your-workspace and DATABRICKS_TOKEN");
    }
    this.server = databricks ? host : withoutSlash(config.uri());
    String own = environment.getOrDefault("MLFLOW_TRACKING_TOKEN", "");
    // A workspace's token goes to that workspace and to nobody else.
    String workspace = server.equals(host) ? environment.getOrDefault("DATABRICKS_TOKEN", "") : "";
    this.token = Optional.of(workspace.isEmpty() ? own : workspace).filter(t -> !t.isEmpty());
    this.experiment = config.experiment();
    this.storage = storage;
    this.warnings = warnings;
    this.patience = patience;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(patience.request())
            .build();
    this.thread = new Thread(this::deliverAll, "mlflow");
    thread.setDaemon(true);
  }

  private static String withoutSlash(String uri) {
    return uri.replaceAll("/+$", "");
  }

  @Override
  public synchronized void started(TrainingConfig config, Facts facts, long step) {
    this.config = config;
    this.folder = facts.output();
    this.resumed = step > 0;
    thread.start();
  }

  @Override
  public void recorded(ObjectNode record) {
    synchronized (this) {
      entries.add(new Entry(record, System.currentTimeMillis()));
      notifyAll();
    }
    passOn();
  }

  /** The run is complete: its figures and files are delivered with it. */
  public void finished(Summary summary) {
    synchronized (this) {
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
      entries.add(new Entry(figures, System.currentTimeMillis()));
      artifacts.addAll(List.of(RunFiles.CONFIG, RunFiles.SUMMARY, RunFiles.REPORT));
      status = "FINISHED";
    }
  }

  /**
   * Delivers what is left, within some seconds, and says how much could not be. Without {@link
   * #finished} before, the MLflow run ends as killed.
   */
  @Override
  public void close() {
    long undelivered;
    synchronized (this) {
      if (config == null || closing) {
        return;
      }
      status = status == null ? "KILLED" : status;
      closing = true;
      notifyAll();
      long end = System.nanoTime() + patience.close().toNanos();
      long left;
      while (!done && (left = (end - System.nanoTime()) / 1_000_000) > 0) {
        try {
          wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          break;
        }
      }
      undelivered = refused + entries.size();
    }
    thread.interrupt();
    passOn();
    if (undelivered > 0) {
      warnings.accept(
          "tracking: "
              + undelivered
              + " records could not be delivered to "
              + server
              + "; they are in "
              + Storage.resolve(folder, RunFiles.METRICS_FOLDER));
    }
  }

  /** Warnings of the delivering thread, on the caller's. */
  private void passOn() {
    for (String line = said.poll(); line != null; line = said.poll()) {
      warnings.accept(line);
    }
  }

  private void deliverAll() {
    Duration pause = patience.firstRetry();
    try {
      while (true) {
        try {
          if (!deliverSome()) {
            break;
          }
          pause = patience.firstRetry();
        } catch (RefusedException e) {
          warn(e.getMessage());
          if (run == null) {
            break; // Without a run nothing else can be delivered.
          }
        } catch (IOException e) {
          warn(e + "; trying again until the run ends");
          Thread.sleep(pause.toMillis());
          Duration doubled = pause.multipliedBy(2);
          pause =
              isClosing()
                  ? patience.firstRetry()
                  : doubled.compareTo(patience.lastRetry()) < 0 ? doubled : patience.lastRetry();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      warn(e.toString());
    } finally {
      synchronized (this) {
        done = true;
        notifyAll();
      }
    }
  }

  private synchronized boolean isClosing() {
    return closing;
  }

  private void warn(String why) {
    if (!warned) {
      warned = true;
      said.add("tracking: " + server + " does not take the run's records: " + oneLine(why));
    }
  }

  private static String oneLine(String text) {
    return text.lines().findFirst().orElse("");
  }

  /** One request or more; false when all is done. Waits where there is nothing to do. */
  private boolean deliverSome() throws IOException, InterruptedException {
    if (run == null) {
      createRun();
    }
    if (!described) {
      described = true;
      describe();
    }
    List<Entry> batch = new ArrayList<>();
    String file = null;
    String end = null;
    synchronized (this) {
      while (entries.isEmpty() && artifacts.isEmpty() && !closing) {
        wait();
      }
      int metrics = 0;
      for (Entry entry : entries) {
        metrics += entry.record.size();
        if (metrics > BATCH_METRICS && !batch.isEmpty()) {
          break;
        }
        batch.add(entry);
      }
      if (batch.isEmpty() && closing) {
        file = artifacts.isEmpty() ? null : artifacts.get(0);
        end = status;
      }
    }
    if (!batch.isEmpty()) {
      try {
        logMetrics(batch);
      } catch (RefusedException e) {
        remove(batch.size(), true);
        throw e;
      }
      remove(batch.size(), false);
    } else if (file != null) {
      try {
        upload(file);
        dropArtifact();
      } catch (RefusedException e) {
        dropArtifact();
        throw e;
      }
    } else if (end != null) {
      try {
        call(
            "runs/update",
            JSON.createObjectNode()
                .put("run_id", run)
                .put("status", end)
                .put("end_time", System.currentTimeMillis()));
      } catch (RefusedException e) {
        warn(e.getMessage());
      }
      return false;
    } else {
      // Artifacts wait for the end, with the report among them.
      synchronized (this) {
        while (entries.isEmpty() && !closing) {
          wait();
        }
      }
    }
    return true;
  }

  private synchronized void dropArtifact() {
    artifacts.remove(0);
  }

  private synchronized void remove(int count, boolean asRefused) {
    for (int i = 0; i < count; i++) {
      entries.removeFirst();
    }
    refused += asRefused ? count : 0;
  }

  private void createRun() throws IOException, InterruptedException {
    // A run that goes on after a stop is one run in MLflow as well.
    String marker = Storage.resolve(folder, RunFiles.TRACKING);
    if (resumed && storage.exists(marker)) {
      JsonNode before = JSON.readTree(storage.readBytes(marker));
      if (before.path("server").asText().equals(server)) {
        ObjectNode update =
            JSON.createObjectNode()
                .put("run_id", before.path("run_id").asText())
                .put("status", "RUNNING");
        artifactUri = call("runs/update", update).path("run_info").path("artifact_uri").asText();
        run = before.path("run_id").asText();
        described = true;
        return;
      }
    }
    ObjectNode create =
        JSON.createObjectNode()
            .put("experiment_id", experiment())
            .put("run_name", folder.replaceAll("/+$", "").replaceAll(".*/", ""))
            .put("start_time", System.currentTimeMillis());
    ArrayNode tags = create.putArray("tags");
    tags.addObject().put("key", "avatarl.run").put("value", folder);
    tags.addObject().put("key", "avatarl.preset").put("value", config.preset());
    JsonNode info = call("runs/create", create).path("run").path("info");
    run = info.path("run_id").asText();
    artifactUri = info.path("artifact_uri").asText();
    storage.writeString(
        marker, JSON.createObjectNode().put("server", server).put("run_id", run) + "\n");
  }

  private String experiment() throws IOException, InterruptedException {
    String name = java.net.URLEncoder.encode(experiment, StandardCharsets.UTF_8);
    HttpResponse<String> found =
        send(request("experiments/get-by-name?experiment_name=" + name).GET().build());
    if (found.statusCode() != 404) {
      return checked(found).path("experiment").path("experiment_id").asText();
    }
    return call("experiments/create", JSON.createObjectNode().put("name", experiment))
        .path("experiment_id")
        .asText();
  }

  /** Sends the configuration. */
  private void describe() throws IOException, InterruptedException {
    List<Map.Entry<String, String>> params =
        ConfigReader.flat(config).entrySet().stream().filter(p -> !p.getValue().isEmpty()).toList();
    for (int from = 0; from < params.size(); from += BATCH_PARAMS) {
      ObjectNode batch = JSON.createObjectNode().put("run_id", run);
      ArrayNode array = batch.putArray("params");
      for (Map.Entry<String, String> param :
          params.subList(from, Math.min(params.size(), from + BATCH_PARAMS))) {
        String value = param.getValue();
        array
            .addObject()
            .put("key", param.getKey())
            .put("value", value.substring(0, Math.min(value.length(), PARAM_LENGTH)));
      }
      try {
        call("runs/log-batch", batch);
      } catch (RefusedException e) {
        throw e;
      } catch (IOException e) {
        described = false; // Sending a parameter twice with the same value is allowed.
        throw e;
      }
    }
  }

  private void logMetrics(List<Entry> entries) throws IOException, InterruptedException {
    ObjectNode batch = JSON.createObjectNode().put("run_id", run);
    ArrayNode metrics = batch.putArray("metrics");
    for (Entry entry : entries) {
      JsonNode record = entry.record;
      for (Map.Entry<String, JsonNode> field : record.properties()) {
        if (field.getValue().isNumber() && !field.getKey().equals("update")) {
          metrics
              .addObject()
              .put("key", field.getKey())
              .put("value", field.getValue().asDouble())
              .put("timestamp", entry.milliseconds)
              .put("step", record.path("update").asLong());
        }
      }
    }
    if (!metrics.isEmpty()) {
      call("runs/log-batch", batch);
    }
  }

  private void upload(String name) throws IOException, InterruptedException {
    String file = Storage.resolve(folder, name);
    if (!artifactUri.startsWith(PROXY) || !storage.exists(file)) {
      return;
    }
    // mlflow-artifacts:/1/RUN/artifacts, or with the server's own name after two more slashes.
    String root = URI.create(artifactUri).getPath();
    checked(
        send(
            authorised(
                    server + "/api/2.0/mlflow-artifacts/artifacts" + root + "/" + name,
                    "application/octet-stream")
                .PUT(HttpRequest.BodyPublishers.ofByteArray(storage.readBytes(file)))
                .build()));
  }

  private JsonNode call(String method, ObjectNode body) throws IOException, InterruptedException {
    return checked(
        send(request(method).POST(HttpRequest.BodyPublishers.ofString(body.toString())).build()));
  }

  private HttpRequest.Builder request(String method) {
    return authorised(server + API + method, "application/json");
  }

  private HttpRequest.Builder authorised(String uri, String type) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(uri))
            .timeout(patience.request())
            .header("Content-Type", type);
    token.ifPresent(t -> request.header("Authorization", "Bearer " + t));
    return request;
  }

  private HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }

  /** The answer; throws where it is not 2xx. */
  private static JsonNode checked(HttpResponse<String> response) throws IOException {
    int code = response.statusCode();
    if (code / 100 == 2) {
      return JSON.readTree(response.body().isBlank() ? "{}" : response.body());
    }
    String says = response.request().uri().getPath() + " answered " + code + " " + response.body();
    // Too slow and too many are of the moment, and so is everything the server blames itself for.
    if (code / 100 == 4 && code != 408 && code != 429) {
      throw new RefusedException(says);
    }
    throw new IOException(says);
  }
}
