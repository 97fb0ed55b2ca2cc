package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.PythonVenv;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run's figures as TensorBoard event files. */
class TensorBoardTest {
  private static final int SECONDS = 120;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static SparkSession spark;

  @TempDir Path folder;
  private Path run;

  @BeforeAll
  static void start() {
    spark = TinyTraining.spark("local[2]", Map.of());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** Four steps, then resumed for two more, after somebody left files of later steps. */
  private void train() throws IOException {
    run = folder.resolve("run");
    Path preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    CommandResult.train(
            "--preset", preset.toString(),
            "--corpus", TinyTraining.corpus(folder).toString(),
            "--out", run.toString(),
            "--set", "tracking.tensorboard=true",
            "--set", "steps=4")
        .succeeds();
    Files.writeString(events().resolve("events.out.tfevents.000005-000099"), "of another time");
    CommandResult.train("--out", run.toString(), "--resume", "--set", "steps=6").succeeds();
  }

  private Path events() {
    return run.resolve("tensorboard");
  }

  @Test
  void thereIsAFileForEachFileOfMetrics() throws IOException {
    train();
    List<String> metrics = names(run.resolve("metrics"));
    List<String> expected = new ArrayList<>();
    for (String name : metrics) {
      expected.add(name.replace("steps-", "events.out.tfevents.").replace(".jsonl", ""));
    }
    expected.add("events.out.tfevents.summary");
    assertEquals(expected, names(events()));
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.endsWith(".crc"))
          .sorted()
          .toList();
    }
  }

  @Test
  void tensorBoardReadsWhatMetricsHave() throws Exception {
    String python =
        PythonVenv.with(
            "tensorboard-venv",
            "from tensorboard.backend.event_processing import event_accumulator",
            "tensorboard==2.21.0");
    train();
    JsonNode read = read(python);
    Map<String, List<double[]>> expected = expected();
    assertTrue(expected.containsKey("update/loss") && expected.containsKey("evaluation/val_ce"));
    expected.forEach(
        (tag, points) -> {
          JsonNode found = read.path("scalars").path(tag);
          assertEquals(points.size(), found.size(), tag);
          for (int i = 0; i < points.size(); i++) {
            assertEquals(points.get(i)[0], found.path(i).path(0).asDouble(), tag);
            assertEquals((float) points.get(i)[1], (float) found.path(i).path(1).asDouble(), tag);
          }
        });
    JsonNode summary = JSON.readTree(run.resolve("summary.json").toFile());
    JsonNode last = read.path("scalars").path("summary/val_ce");
    assertEquals(12, last.path(last.size() - 1).path(0).asInt());
    assertEquals(
        (float) summary.path("val_ce").asDouble(),
        (float) last.path(last.size() - 1).path(1).asDouble());
    assertThat(read.path("texts").path("config").path(0).asText()).contains("optimizer");
  }

  /** [update, value] of every number in metrics/, by tag. */
  private Map<String, List<double[]>> expected() throws IOException {
    Map<String, List<double[]>> expected = new TreeMap<>();
    for (String name : names(run.resolve("metrics"))) {
      for (String line : Files.readAllLines(run.resolve("metrics").resolve(name))) {
        JsonNode record = JSON.readTree(line);
        record
            .properties()
            .forEach(
                field -> {
                  if (field.getValue().isNumber()
                      && !List.of("update", "step").contains(field.getKey())) {
                    expected
                        .computeIfAbsent(
                            record.path("kind").asText() + "/" + field.getKey(),
                            tag -> new ArrayList<>())
                        .add(
                            new double[] {
                              record.path("update").asDouble(), field.getValue().asDouble()
                            });
                  }
                });
      }
    }
    return expected;
  }

  private JsonNode read(String python) throws IOException, InterruptedException {
    Path out = folder.resolve("read.json");
    Path err = folder.resolve("read.txt");
    Process process =
        new ProcessBuilder(python, "src/test/python/tensorboard_events.py", events().toString())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    boolean ended = PythonVenv.ends(process, SECONDS, TimeUnit.SECONDS);
    assertTrue(ended && process.exitValue() == 0, Files.readString(err));
    return JSON.readTree(out.toFile());
  }

  /** A copy of the figures that cannot be written is a warning, and no end. */
  @Test
  void trainingGoesOnWithoutThem() throws IOException {
    run = folder.resolve("run");
    Path preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    Files.createDirectories(run);
    Files.writeString(run.resolve("tensorboard"), "a file where the folder should be");
    CommandResult trained =
        CommandResult.train(
                "--preset", preset.toString(),
                "--corpus", TinyTraining.corpus(folder).toString(),
                "--out", run.toString(),
                "--set", "tracking.tensorboard=true",
                "--set", "steps=2")
            .succeeds();
    assertThat(trained.err()).contains("tracking.tensorboard: no more event files");
    assertThat(trained.err()).doesNotContain("\tat ");
  }
}
