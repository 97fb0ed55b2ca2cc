package io.avatarl.tracking;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.PythonVenv;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.train.Summary;
import io.avatarl.train.TinyTraining;
import io.avatarl.train.TrainingListener;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run tracked by a real MLflow server, where Python is there. */
class MlflowServerTest {
  private static final int START_SECONDS = 300;
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  @Test
  void keepsParametersMetricsAndFiles() throws Exception {
    String python = PythonVenv.with("mlflow-venv", "import mlflow.server", "mlflow==3.17.2");
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    ProcessBuilder builder =
        new ProcessBuilder(
                python,
                "-m",
                "mlflow",
                "server",
                "--host",
                "127.0.0.1",
                "--port",
                Integer.toString(port),
                "--workers",
                "1",
                "--backend-store-uri",
                "sqlite:///" + folder.resolve("mlflow.db"),
                "--artifacts-destination",
                folder.resolve("artifacts").toString())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("server.txt").toFile());
    Process server = builder.start();
    try {
      String uri = "http://127.0.0.1:" + port;
      awaitHealth(uri);
      track(uri);
    } finally {
      server.descendants().forEach(ProcessHandle::destroyForcibly);
      server.destroyForcibly().waitFor();
    }
  }

  private void awaitHealth(String uri) throws Exception {
    long end = System.nanoTime() + Duration.ofSeconds(START_SECONDS).toNanos();
    while (true) {
      try {
        get(uri + "/health");
        return;
      } catch (IOException e) {
        if (System.nanoTime() > end) {
          throw new AssertionError(Files.readString(folder.resolve("server.txt")), e);
        }
        Thread.sleep(500);
      }
    }
  }

  private void track(String uri) throws Exception {
    Path run = Files.createDirectories(folder.resolve("run"));
    Files.writeString(run.resolve("config.conf"), "steps = 3");
    Path model = Files.createDirectories(run.resolve("huggingface"));
    Files.writeString(model.resolve("config.json"), "{}");
    Files.writeString(model.resolve("README.md"), "# play");
    TrainingConfig config =
        ConfigReader.read(
            "trial",
            TinyTraining.PRESET,
            List.of(
                "tracking.uri=" + uri,
                "tracking.experiment=a real server",
                "tracking.register=play model"));
    List<String> warnings = Collections.synchronizedList(new ArrayList<>());
    try (MlflowTracker tracker =
        MlflowTracker.of(config.tracking(), Map.of(), TinyTraining.storage(), warnings::add)
            .orElseThrow()) {
      tracker.started(
          config, new TrainingListener.Facts("play", 1, 1, 1, 1, "CPU", run.toString()), 0);
      for (int update = 1; update <= 50; update++) {
        tracker.recorded(
            MlflowTrackerTest.entry("update", update)
                .put("update", update)
                .put("loss", 1.0 / update));
      }
      tracker.finished(
          new Summary(
              1.5, 1.4, 4.5, 0.5, 0.01, 1, 99, 1, 0.4, Map.of(), "play", "", 9, 3, 6, 60, 600, 2.0,
              30, Map.of(), Map.of(), "", "4", "trial", 1),
          List.of("huggingface/config.json", "huggingface/README.md"));
    }
    assertEquals(List.of(), warnings);
    String api = uri + "/api/2.0/mlflow/";
    String id =
        get(api + "experiments/get-by-name?experiment_name=a%20real%20server")
            .path("experiment")
            .path("experiment_id")
            .asText();
    JsonNode tracked =
        post(api + "runs/search", "{\"experiment_ids\": [\"" + id + "\"]}").path("runs").path(0);
    assertEquals("FINISHED", tracked.path("info").path("status").asText());
    assertTrue(tracked.path("data").path("params").size() > 50);
    String runId = tracked.path("info").path("run_id").asText();
    JsonNode losses =
        get(api + "metrics/get-history?metric_key=loss&run_id=" + runId).path("metrics");
    assertEquals(50, losses.size());
    assertEquals(1.0 / 50, losses.path(49).path("value").asDouble());
    JsonNode files = get(api + "artifacts/list?run_id=" + runId).path("files");
    assertEquals("config.conf", files.path(0).path("path").asText());
    JsonNode version =
        get(api + "registered-models/get?name=play%20model")
            .path("registered_model")
            .path("latest_versions")
            .path(0);
    assertEquals("1", version.path("version").asText());
    assertEquals(runId, version.path("run_id").asText());
    assertTrue(version.path("source").asText().endsWith("/huggingface"), version.toString());
    JsonNode inside = get(api + "artifacts/list?path=huggingface&run_id=" + runId).path("files");
    assertEquals(2, inside.size());
  }

  private static JsonNode get(String uri) throws IOException, InterruptedException {
    return send(HttpRequest.newBuilder(URI.create(uri)).GET().build());
  }

  private static JsonNode post(String uri, String body) throws IOException, InterruptedException {
    return send(
        HttpRequest.newBuilder(URI.create(uri))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build());
  }

  private static JsonNode send(HttpRequest request) throws IOException, InterruptedException {
    HttpResponse<String> response =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    assertEquals(200, response.statusCode(), response.body());
    return response.body().startsWith("{") ? JSON.readTree(response.body()) : JSON.nullNode();
  }
}
