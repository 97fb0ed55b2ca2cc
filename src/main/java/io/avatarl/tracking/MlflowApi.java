package io.avatarl.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.TrackingConfig;
import io.avatarl.config.UserError;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The part that a run needs of the <a href="https://mlflow.org/docs/latest/rest-api.html">MLflow
 * REST API</a> 2.0. Each method throws {@link RefusedException} if the server rejects the request
 * permanently, and another {@link IOException} if a later attempt may succeed.
 *
 * <p>The token, {@code MLFLOW_TRACKING_TOKEN} or for Databricks {@code DATABRICKS_TOKEN}, is sent
 * only to that server and never written anywhere.
 */
final class MlflowApi {
  /** Most metrics that {@code runs/log-batch} accepts. */
  static final int BATCH_METRICS = 1000;

  private static final int BATCH_PARAMS = 100;

  /** Longest parameter value that every MLflow version accepts. */
  private static final int PARAM_LENGTH = 250;

  private static final String API = "/api/2.0/mlflow/";
  private static final String PROXY = "mlflow-artifacts:";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String server;
  private final Optional<String> token;
  private final Duration timeout;
  private final HttpClient client;

  /**
   * @param environment for the token, and for the host of Databricks
   * @param timeout of each request
   */
  MlflowApi(TrackingConfig config, Map<String, String> environment, Duration timeout) {
    String host = withoutSlash(environment.getOrDefault("DATABRICKS_HOST", ""));
    boolean databricks = config.uri().equals(TrackingConfig.DATABRICKS);
    if (databricks && !host.matches("https?://.+")) {
      throw new UserError(
          "tracking.uri = databricks: set DATABRICKS_HOST to https://your-workspace and"
              + " DATABRICKS_TOKEN");
    }
    this.server = databricks ? host : withoutSlash(config.uri());
    String own = environment.getOrDefault("MLFLOW_TRACKING_TOKEN", "");
    // Databricks's token is only sent to its own workspace.
    String workspace = server.equals(host) ? environment.getOrDefault("DATABRICKS_TOKEN", "") : "";
    this.token = Optional.of(workspace.isEmpty() ? own : workspace).filter(t -> !t.isEmpty());
    this.timeout = timeout;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(timeout)
            .build();
  }

  /** A run on the server. */
  record Run(String id, String artifactUri) {
    private static Run of(JsonNode info) {
      return new Run(info.path("run_id").asText(), info.path("artifact_uri").asText());
    }

    /** Whether the server itself accepts files. */
    boolean takesFiles() {
      return artifactUri.startsWith(PROXY);
    }
  }

  private static String withoutSlash(String uri) {
    return uri.replaceAll("/+$", "");
  }

  /** The server's address without a trailing slash. */
  String server() {
    return server;
  }

  /** Creates a run, and its experiment if there is none of that name. */
  Run create(String experiment, String name, Map<String, String> tags)
      throws IOException, InterruptedException {
    ObjectNode create =
        JSON.createObjectNode()
            .put("experiment_id", experimentId(experiment))
            .put("run_name", name)
            .put("start_time", System.currentTimeMillis());
    ArrayNode array = create.putArray("tags");
    tags.forEach((key, value) -> array.addObject().put("key", key).put("value", value));
    return Run.of(call("runs/create", create).path("run").path("info"));
  }

  private String experimentId(String experiment) throws IOException, InterruptedException {
    String name = URLEncoder.encode(experiment, StandardCharsets.UTF_8);
    HttpResponse<String> found =
        send(request("experiments/get-by-name?experiment_name=" + name).GET().build());
    if (found.statusCode() != 404) {
      return checked(found).path("experiment").path("experiment_id").asText();
    }
    return call("experiments/create", JSON.createObjectNode().put("name", experiment))
        .path("experiment_id")
        .asText();
  }

  /** Reopens a run that was stopped. */
  Run goOn(String id) throws IOException, InterruptedException {
    ObjectNode update = JSON.createObjectNode().put("run_id", id).put("status", "RUNNING");
    JsonNode info = call("runs/update", update).path("run_info");
    return new Run(id, info.path("artifact_uri").asText());
  }

  /** Ends a run. */
  void end(Run run, String status) throws IOException, InterruptedException {
    call(
        "runs/update",
        JSON.createObjectNode()
            .put("run_id", run.id())
            .put("status", status)
            .put("end_time", System.currentTimeMillis()));
  }

  /** Logs parameters. The same value may be logged again. */
  void logParams(Run run, List<Map.Entry<String, String>> params)
      throws IOException, InterruptedException {
    for (int from = 0; from < params.size(); from += BATCH_PARAMS) {
      ObjectNode batch = JSON.createObjectNode().put("run_id", run.id());
      ArrayNode array = batch.putArray("params");
      for (Map.Entry<String, String> param :
          params.subList(from, Math.min(params.size(), from + BATCH_PARAMS))) {
        String value = param.getValue();
        array
            .addObject()
            .put("key", param.getKey())
            .put("value", value.substring(0, Math.min(value.length(), PARAM_LENGTH)));
      }
      call("runs/log-batch", batch);
    }
  }

  /**
   * Logs the numbers of records, each at the MLflow step of the record's update.
   *
   * @param records of at most {@link #BATCH_METRICS} fields in all
   */
  void logMetrics(Run run, List<TimedRecord> records) throws IOException, InterruptedException {
    ObjectNode batch = JSON.createObjectNode().put("run_id", run.id());
    ArrayNode metrics = batch.putArray("metrics");
    for (TimedRecord record : records) {
      for (Map.Entry<String, JsonNode> field : record.fields().properties()) {
        if (field.getValue().isNumber() && !field.getKey().equals("update")) {
          metrics
              .addObject()
              .put("key", field.getKey())
              .put("value", field.getValue().asDouble())
              .put("timestamp", record.milliseconds())
              .put("step", record.fields().path("update").asLong());
        }
      }
    }
    if (!metrics.isEmpty()) {
      call("runs/log-batch", batch);
    }
  }

  /** Uploads a file of a run that {@linkplain Run#takesFiles() takes files}. */
  void upload(Run run, String name, byte[] bytes) throws IOException, InterruptedException {
    // mlflow-artifacts:/1/RUN/artifacts, or with the server's own name after two more slashes.
    String root = URI.create(run.artifactUri()).getPath();
    checked(
        send(
            authorised(
                    server + "/api/2.0/mlflow-artifacts/artifacts" + root + "/" + name,
                    "application/octet-stream")
                .timeout(timeout.plus(uploading(bytes.length)))
                .PUT(HttpRequest.BodyPublishers.ofByteArray(bytes))
                .build()));
  }

  /** The time that a file takes on a slow line, 1 MB/s. */
  static Duration uploading(long bytes) {
    return Duration.ofMillis(bytes / 1000);
  }

  /**
   * Makes a folder of a run a new version of a registered model, which is created if it is missing.
   *
   * @param source the folder, as the server finds it
   */
  void register(Run run, String name, String source) throws IOException, InterruptedException {
    String query = "registered-models/get?name=" + URLEncoder.encode(name, StandardCharsets.UTF_8);
    HttpResponse<String> found = send(request(query).GET().build());
    if (found.statusCode() == 404) {
      call("registered-models/create", JSON.createObjectNode().put("name", name));
    } else {
      checked(found);
    }
    call(
        "model-versions/create",
        JSON.createObjectNode().put("name", name).put("source", source).put("run_id", run.id()));
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
        HttpRequest.newBuilder(URI.create(uri)).timeout(timeout).header("Content-Type", type);
    token.ifPresent(t -> request.header("Authorization", "Bearer " + t));
    return request;
  }

  private HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }

  /** The response body; throws if the status is not 2xx. */
  private static JsonNode checked(HttpResponse<String> response) throws IOException {
    int code = response.statusCode();
    if (code / 100 == 2) {
      return JSON.readTree(response.body().isBlank() ? "{}" : response.body());
    }
    String says = response.request().uri().getPath() + " answered " + code + " " + response.body();
    // Timeouts (408), too many requests (429) and server errors (5xx) may be temporary.
    if (code / 100 == 4 && code != 408 && code != 429) {
      throw new RefusedException(says);
    }
    throw new IOException(says);
  }
}
