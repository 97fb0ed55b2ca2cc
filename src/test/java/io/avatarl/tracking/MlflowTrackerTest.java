package io.avatarl.tracking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrackingConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.train.Summary;
import io.avatarl.train.TinyTraining;
import io.avatarl.train.TrainingListener;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A run tracked by a server that answers, fails, comes back or stays away. */
class MlflowTrackerTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Seconds that the end of a run waits; many where the server answers, on a busy machine. */
  private int patience = 60;

  private record Call(String method, String path, String body, String authorization) {
    JsonNode json() {
      try {
        return JSON.readTree(body);
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** What the server says: a status code and a body; null for the usual. */
  private record Answer(int code, String body) {}

  @TempDir Path folder;
  private final List<Call> calls = Collections.synchronizedList(new ArrayList<>());
  private final List<String> warnings = Collections.synchronizedList(new ArrayList<>());
  private volatile Function<Call, Answer> mood = call -> null;
  private boolean experimentExists;
  private HttpServer server;
  private int port;

  @BeforeEach
  void start() throws IOException {
    serve(0);
    port = server.getAddress().getPort();
  }

  private void serve(int port) throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.createContext("/", this::answer);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    Call call =
        new Call(
            exchange.getRequestMethod(),
            exchange.getRequestURI().toString(),
            new String(exchange.getRequestBody().readAllBytes()),
            String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
    Answer answer = mood.apply(call);
    if (answer == null) {
      calls.add(call);
      answer = usual(call);
    }
    byte[] bytes = answer.body.getBytes();
    exchange.sendResponseHeaders(answer.code, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private Answer usual(Call call) {
    if (call.path.contains("get-by-name")) {
      return experimentExists
          ? new Answer(200, "{\"experiment\": {\"experiment_id\": \"7\"}}")
          : new Answer(404, "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\"}");
    }
    if (call.path.endsWith("experiments/create")) {
      return new Answer(200, "{\"experiment_id\": \"8\"}");
    }
    String info = "{\"run_id\": \"r1\", \"artifact_uri\": \"mlflow-artifacts:/8/r1/artifacts\"}";
    if (call.path.endsWith("runs/create")) {
      return new Answer(200, "{\"run\": {\"info\": " + info + "}}");
    }
    return new Answer(200, call.path.endsWith("update") ? "{\"run_info\": " + info + "}" : "{}");
  }

  private Patience patience() {
    return new Patience(
        Duration.ofSeconds(2),
        Duration.ofMillis(20),
        Duration.ofMillis(50),
        Duration.ofSeconds(patience));
  }

  private MlflowTracker tracker(Map<String, String> environment, long step, String... overrides) {
    List<String> all = new ArrayList<>(List.of(overrides));
    all.add("tracking.uri=http://127.0.0.1:" + port + "/");
    TrainingConfig config = ConfigReader.read("trial", TinyTraining.PRESET, all);
    MlflowTracker tracker =
        new MlflowTracker(
            config.tracking(), environment, TinyTraining.storage(), warnings::add, patience());
    tracker.started(
        config, new TrainingListener.Facts("play", 1, 1, 1, 1, "CPU", folder.toString()), step);
    return tracker;
  }

  /** A record as training makes them. */
  static ObjectNode entry(String kind, long step) {
    return JSON.createObjectNode().put("kind", kind).put("step", step);
  }

  private static void record(MlflowTracker tracker, int from, int to) {
    for (int update = from; update <= to; update++) {
      tracker.recorded(
          entry("update", (update + 1) / 2)
              .put("update", update)
              .put("stage", "main")
              .put("loss", -update / 8.0));
    }
  }

  private List<String> paths() {
    return calls.stream()
        .map(call -> call.path.replaceAll("^/api/2.0/mlflow(-artifacts)?/|\\?.*", ""))
        .toList();
  }

  /** The value of a metric at each step, in the order it came. */
  private List<String> metric(String key) {
    List<String> values = new ArrayList<>();
    for (Call call : List.copyOf(calls)) {
      if (call.path.endsWith("log-batch")) {
        for (JsonNode metric : call.json().path("metrics")) {
          if (metric.path("key").asText().equals(key)) {
            values.add(metric.path("step") + ":" + metric.path("value"));
          }
        }
      }
    }
    return values;
  }

  private static List<String> losses(int to) {
    List<String> losses = new ArrayList<>();
    for (int update = 1; update <= to; update++) {
      losses.add(update + ":" + -update / 8.0);
    }
    return losses;
  }

  private static Summary summary() {
    return new Summary(
        1.5, 1.4, 4.5, 0.5, 0.01, 1, 99, 1, 0.4, Map.of(), "play", "", 9, 3, 6, 60, 600, 2.0, 30,
        Map.of(), Map.of(), "", "4", "trial", 1);
  }

  @Test
  void aWholeRunInOrder() throws IOException {
    Files.writeString(folder.resolve("config.conf"), "steps = 3");
    Files.writeString(folder.resolve("summary.json"), "{}");
    try (MlflowTracker tracker = tracker(Map.of("MLFLOW_TRACKING_TOKEN", "secret"), 0)) {
      record(tracker, 1, 6);
      tracker.recorded(entry("warning", 3).put("warning", "odd"));
      tracker.finished(summary(), List.of());
    }
    List<String> paths = paths();
    assertEquals(
        List.of("experiments/get-by-name", "experiments/create", "runs/create"),
        paths.subList(0, 3));
    assertEquals(
        List.of(
            "artifacts/8/r1/artifacts/config.conf",
            "artifacts/8/r1/artifacts/summary.json",
            "runs/update"),
        paths.subList(paths.size() - 3, paths.size()));
    assertEquals(losses(6), metric("loss"));
    assertEquals(List.of("6:1.5"), metric("summary/val_ce"));
    Map<String, String> params = new TreeMap<>();
    for (Call call : calls) {
      if (call.path.endsWith("log-batch")) {
        assertEquals("r1", call.json().path("run_id").asText());
        assertTrue(call.json().path("params").size() <= 100);
        call.json()
            .path("params")
            .forEach(p -> params.put(p.path("key").asText(), p.path("value").asText()));
      }
    }
    assertEquals("16", params.get("model.width"));
    assertEquals("maxrl", params.get("advantage.estimator"));
    assertEquals("FINISHED", calls.get(calls.size() - 1).json().path("status").asText());
    assertTrue(calls.stream().allMatch(call -> call.authorization.equals("Bearer secret")));
    assertEquals(List.of(), warnings);
  }

  /** Uploads the exported model and makes it a version of a registered model, new or known. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theModelIsRegistered(boolean known) throws IOException {
    mood =
        call ->
            call.path.contains("registered-models/get") && !known
                ? new Answer(404, "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\"}")
                : null;
    finishWithModel();
    List<String> paths = paths();
    List<String> expected = new ArrayList<>();
    expected.add("artifacts/8/r1/artifacts/huggingface/config.json");
    // Calls with an answer of the test's own are not listed.
    expected.add(known ? "registered-models/get" : "registered-models/create");
    expected.addAll(List.of("model-versions/create", "runs/update"));
    assertEquals(expected, paths.subList(paths.size() - 4, paths.size()));
    Call version = calls.get(calls.size() - 2);
    assertEquals("play model", version.json().path("name").asText());
    assertEquals("r1", version.json().path("run_id").asText());
    assertEquals(
        "mlflow-artifacts:/8/r1/artifacts/huggingface", version.json().path("source").asText());
    assertEquals("FINISHED", calls.get(calls.size() - 1).json().path("status").asText());
    assertEquals(List.of(), warnings);
  }

  @Test
  void nothingIsRegisteredThatIsNotThere() throws IOException {
    mood =
        call -> call.path.endsWith("huggingface/config.json") ? new Answer(413, "too large") : null;
    finishWithModel();
    assertFalse(paths().contains("model-versions/create"));
    assertEquals("FINISHED", calls.get(calls.size() - 1).json().path("status").asText());
    assertEquals(1, warnings.size(), warnings.toString());
  }

  @Test
  void aRegistrationThatIsRefusedEndsTheRunAllTheSame() throws IOException {
    mood =
        call -> call.path.endsWith("model-versions/create") ? new Answer(403, "not allowed") : null;
    finishWithModel();
    assertEquals("FINISHED", calls.get(calls.size() - 1).json().path("status").asText());
    assertEquals(1, warnings.size(), warnings.toString());
    assertThat(warnings.get(0)).contains("answered 403 not allowed");
  }

  private void finishWithModel() throws IOException {
    Path model = Files.createDirectories(folder.resolve("huggingface"));
    Files.writeString(model.resolve("config.json"), "{}");
    try (MlflowTracker tracker = tracker(Map.of(), 0, "tracking.register=play model")) {
      record(tracker, 1, 2);
      tracker.finished(summary(), List.of("huggingface/config.json"));
    }
  }

  @Test
  void aRunThatIsStoppedAndGoesOnIsOneRun() throws IOException {
    experimentExists = true;
    try (MlflowTracker tracker = tracker(Map.of(), 0)) {
      record(tracker, 1, 2);
    }
    assertEquals("KILLED", calls.get(calls.size() - 1).json().path("status").asText());
    assertFalse(paths().contains("experiments/create"));
    try (MlflowTracker tracker = tracker(Map.of(), 1)) {
      record(tracker, 3, 4);
      tracker.finished(summary(), List.of());
    }
    assertEquals(1, Collections.frequency(paths(), "runs/create"));
    assertEquals(losses(4), metric("loss"));
    assertTrue(calls.stream().allMatch(call -> call.authorization.equals("null")));
  }

  @Test
  void nothingIsLostWhenTheServerComesBack() throws Exception {
    server.stop(0);
    try (MlflowTracker tracker = tracker(Map.of(), 0)) {
      record(tracker, 1, 700);
      Thread.sleep(200);
      serve(port);
      while (metric("loss").isEmpty()) {
        Thread.sleep(10);
      }
      // And a server that is overloaded, then broken.
      mood = call -> new Answer(429, "slow down");
      record(tracker, 701, 710);
      Thread.sleep(100);
      mood = call -> new Answer(503, "");
      Thread.sleep(100);
      mood = call -> null;
      tracker.finished(summary(), List.of());
    }
    assertEquals(losses(710), metric("loss"));
    assertEquals(1, warnings.size(), warnings.toString());
    assertThat(warnings.get(0)).contains("trying again until the run ends");
    for (Call call : calls) {
      assertTrue(call.json().path("metrics").size() <= 1000);
    }
  }

  @Test
  void aServerThatStaysAwayCostsTwoLines() {
    patience = 1;
    server.stop(0);
    long began = System.nanoTime();
    try (MlflowTracker tracker = tracker(Map.of(), 0)) {
      record(tracker, 1, 5);
      assertTrue((System.nanoTime() - began) / 1e9 < 2, "recording waits");
      tracker.finished(summary(), List.of());
    }
    assertTrue((System.nanoTime() - began) / 1e9 < 10);
    assertEquals(2, warnings.size(), warnings.toString());
    assertThat(warnings.get(1)).contains("6 records could not be delivered");
    assertThat(warnings.get(1)).endsWith(folder.resolve("metrics").toString());
  }

  @Test
  void aServerThatRefusesIsNotAskedAgain() {
    mood = call -> new Answer(403, "no entry");
    try (MlflowTracker tracker = tracker(Map.of("MLFLOW_TRACKING_TOKEN", "secret"), 0)) {
      record(tracker, 1, 5);
    }
    assertEquals(2, warnings.size(), warnings.toString());
    assertThat(warnings.get(0)).contains("403 no entry");
    assertThat(warnings.get(1)).contains("5 records could not");
    assertFalse(warnings.toString().contains("secret"));
  }

  @Test
  void aRefusedBatchDoesNotHoldUpTheOthers() throws Exception {
    mood =
        call ->
            call.path.endsWith("log-batch") && call.body.contains("\"bad\"")
                ? new Answer(400, "bad metric")
                : null;
    try (MlflowTracker tracker = tracker(Map.of(), 0)) {
      tracker.recorded(entry("update", 1).put("update", 1).put("bad", 1.0));
      while (warnings.isEmpty()) {
        Thread.sleep(20);
        // Warnings come on the training thread.
        tracker.recorded(entry("warning", 1));
      }
      record(tracker, 1, 3);
    }
    assertEquals(losses(3), metric("loss"));
    assertThat(warnings.get(0)).contains("400 bad metric");
    assertThat(warnings.get(1)).contains("could not be delivered");
  }

  @Test
  void aWorkspacesTokenGoesToThatWorkspaceOnly() {
    Map<String, String> environment = new HashMap<>();
    environment.put("DATABRICKS_TOKEN", "workspace");
    environment.put("DATABRICKS_HOST", "https://elsewhere.invalid");
    try (MlflowTracker tracker = tracker(environment, 0)) {
      record(tracker, 1, 1);
    }
    assertTrue(calls.stream().allMatch(call -> call.authorization.equals("null")));
    calls.clear();
    environment.put("DATABRICKS_HOST", "http://127.0.0.1:" + port);
    try (MlflowTracker tracker =
        new MlflowTracker(
            new TrackingConfig("databricks", "e", "", false),
            environment,
            TinyTraining.storage(),
            warnings::add,
            patience())) {
      tracker.started(
          ConfigReader.read("trial", TinyTraining.PRESET, List.of()),
          new TrainingListener.Facts("play", 1, 1, 1, 1, "CPU", folder.toString()),
          0);
    }
    assertFalse(calls.isEmpty());
    assertTrue(calls.stream().allMatch(call -> call.authorization.equals("Bearer workspace")));
  }

  @Test
  void whatCannotBeAServerIsRefused() {
    for (String uri : List.of("mlflow.example.com", "ftp://x", "https://user:secret@host")) {
      UserError error =
          assertThrows(
              UserError.class,
              () ->
                  ConfigReader.read("trial", TinyTraining.PRESET, List.of("tracking.uri=" + uri)));
      assertThat(error.getMessage()).startsWith("--set tracking.uri=");
      assertThat(error.getMessage()).doesNotContain("secret");
    }
    assertThrows(
        UserError.class,
        () ->
            MlflowTracker.of(
                new TrackingConfig("databricks", "e", "", false),
                Map.of(),
                TinyTraining.storage(),
                w -> {}));
    assertTrue(
        MlflowTracker.of(
                new TrackingConfig("", "e", "", false), Map.of(), TinyTraining.storage(), w -> {})
            .isEmpty());
  }
}
