package io.avatarl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.UserError;
import io.avatarl.files.Content;
import io.avatarl.files.Sha256;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a run goes on from: damaged checkpoints, other settings, the best checkpoint. */
class ResumeTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path folder;
  private static Path corpus;
  private static SparkSession spark;
  private static Path whole;
  private static Summary expected;

  @BeforeAll
  static void train() throws IOException {
    corpus = TinyTraining.corpus(folder);
    spark = FinishedRun.spark();
    whole = folder.resolve("whole");
    expected = TinyTraining.train(spark, corpus, whole);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** A run that stopped after five steps, with checkpoints of steps 2, 4 and 5. */
  private static Path stopped(String name) {
    Path run = folder.resolve(name);
    assertTrue(TinyTraining.trainUntil(5, spark, corpus, run).isEmpty());
    return run;
  }

  private static Path checkpoint(Path run, int step) {
    return run.resolve("checkpoints").resolve(String.format("step-%06d", step));
  }

  private static void assertEndsLikeTheWhole(Path run, Summary summary) {
    assertEquals(expected.weightsSha256(), summary.weightsSha256());
    assertEquals(expected.valCe(), summary.valCe());
    assertEquals(expected.bytesPerStep(), summary.bytesPerStep());
    assertEquals(TinyTraining.metrics(whole), TinyTraining.metrics(run));
  }

  private enum Damage {
    MISSING_FILE("optimizer.safetensors: damaged (it is missing)") {
      @Override
      void inflict(Path checkpoint) throws IOException {
        Files.delete(checkpoint.resolve("optimizer.safetensors"));
      }
    },
    SHORT_FILE("model.safetensors: damaged (it has 100 bytes)") {
      @Override
      void inflict(Path checkpoint) throws IOException {
        Path file = checkpoint.resolve("model.safetensors");
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 100));
      }
    },
    ALTERED_BIT("optimizer.safetensors: damaged (its checksum does not match)") {
      @Override
      void inflict(Path checkpoint) throws IOException {
        Path file = checkpoint.resolve("optimizer.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 4;
        Files.write(file, bytes);
      }
    },
    HALF_A_MARKER("trainer.json: damaged (it is not JSON)") {
      @Override
      void inflict(Path checkpoint) throws IOException {
        Path file = checkpoint.resolve("trainer.json");
        String json = Files.readString(file);
        Files.writeString(file, json.substring(0, json.length() / 2));
      }
    },
    ALTERED_MARKER("trainer.json: damaged (its checksum does not match)") {
      @Override
      void inflict(Path checkpoint) throws IOException {
        Path file = checkpoint.resolve("trainer.json");
        String json = Files.readString(file);
        String altered = json.replace("\"updates\" : 10,", "\"updates\" : 11,");
        assertFalse(altered.equals(json));
        Files.writeString(file, altered);
      }
    },
    WRONG_SHAPES("has shape [4], but the model's configuration asks for") {
      @Override
      void inflict(Path checkpoint) throws IOException {
        // Written whole, with checksums that match.
        CheckpointFolder forged = new CheckpointFolder(5, checkpoint.toString());
        ObjectNode marker = forged.content(TinyTraining.storage());
        Map<String, Content> files = new LinkedHashMap<>();
        for (String name : List.of("optimizer.safetensors", "config.json", "tokenizer.json")) {
          files.put(name, Content.of(forged.read(TinyTraining.storage(), name)));
        }
        Map<String, Safetensors.Tensor> tensors =
            new HashMap<>(forged.tensors(TinyTraining.storage(), "model.safetensors"));
        tensors.put("transformer.wte.weight", new Safetensors.Tensor(List.of(4), new float[4]));
        files.put("model.safetensors", Content.of(Safetensors.write(tensors)));
        forged.write(TinyTraining.storage(), files, marker);
      }
    };

    final String says;

    Damage(String says) {
      this.says = says;
    }

    abstract void inflict(Path checkpoint) throws IOException;
  }

  @ParameterizedTest
  @EnumSource
  void theCheckpointBeforeADamagedOneIsUsed(Damage damage) throws IOException {
    Path run = stopped("damaged " + damage);
    damage.inflict(checkpoint(run, 5));
    List<String> warnings = new ArrayList<>();
    assertEndsLikeTheWhole(run, TinyTraining.resume(spark, corpus, run, warnings));
    assertEquals(2, warnings.size(), warnings.toString());
    assertThat(warnings.get(0)).contains(damage.says);
    assertEquals("continuing from step 4 instead", warnings.get(1));
    assertFalse(Files.exists(checkpoint(run, 5)));
  }

  @Test
  void killedInItsFinalEvaluationItIsOnlyEvaluated() throws IOException {
    Path run = folder.resolve("evaluated");
    TinyTraining.train(spark, corpus, run);
    Files.delete(run.resolve("summary.json"));
    assertEndsLikeTheWhole(run, TinyTraining.resume(spark, corpus, run));
  }

  @Test
  void withoutAnyCheckpointThatCanBeReadNothingIsTouched() throws IOException {
    Path run = stopped("all damaged");
    for (int step : new int[] {2, 4, 5}) {
      Files.writeString(checkpoint(run, step).resolve("trainer.json"), "[]");
    }
    List<JsonNode> metrics = TinyTraining.metrics(run);
    UserError error = assertThrows(UserError.class, () -> TinyTraining.resume(spark, corpus, run));
    assertThat(error.getMessage()).contains("none of its checkpoints can be read");
    assertEquals(metrics, TinyTraining.metrics(run));
    assertTrue(Files.exists(checkpoint(run, 2)));
  }

  @Test
  void theBestByValidationIsKept() throws IOException {
    // A learning rate that ruins what was learnt in the second half.
    Path run = folder.resolve("best");
    TinyTraining.train(
        spark,
        corpus,
        run,
        "steps=12",
        "learner.optimizer.learningRate=0.3",
        "learner.optimizer.warmup=24",
        "learner.optimizer.clipNorm=0",
        "evaluation.every=1",
        "checkpoint.every=1",
        "checkpoint.keep=1");
    Map<Long, Double> valCe = new LinkedHashMap<>();
    for (JsonNode record : TinyTraining.metrics(run)) {
      if (record.path("kind").asText().equals("evaluation")) {
        valCe.put(record.path("step").asLong(), record.path("val_ce").asDouble());
      }
    }
    long best = valCe.entrySet().stream().min(Map.Entry.comparingByValue()).orElseThrow().getKey();
    assertTrue(best > 1 && best < 12, valCe.toString());
    assertEquals(
        List.of(best, 12L),
        CheckpointFolder.list(TinyTraining.storage(), run.toString()).stream()
            .map(CheckpointFolder::step)
            .toList());
    CheckpointFolder found =
        CheckpointFolder.find(TinyTraining.storage(), run.toString(), CheckpointFolder.BEST);
    assertEquals(best, found.step());
    assertEquals(
        new TrainerState.Evaluation(best, valCe.get(best)),
        found.content(TinyTraining.storage(), TrainerState.class).evaluation());
  }

  @Test
  void otherSettingsAreRefusedByName() {
    Path run = stopped("other settings");
    UserError error =
        assertThrows(
            UserError.class,
            () ->
                TinyTraining.resume(
                    spark, corpus, run, "seed=2", "learner.clipHigh=0.1", "sample.count=2"));
    assertThat(error.getMessage()).contains("(learner.clipHigh: 0.2 → 0.1; seed: 1 → 2)");
    assertEndsLikeTheWhole(
        run,
        TinyTraining.resume(
            spark, corpus, run, "checkpoint.every=1", "rolloutTable.every=0", "sample.count=0"));
  }

  @Test
  void aConfigurationThatWasEditedIsNotTheRunsAnyMore() throws IOException {
    Path run = stopped("edited");
    Path file = run.resolve("config.conf");
    Files.writeString(file, Files.readString(file).replaceAll("\\bentropy=[0.]+", "entropy=0.5"));
    UserError error =
        assertThrows(
            UserError.class, () -> TinyTraining.resume(spark, corpus, run, "learner.entropy=0.5"));
    assertThat(error.getMessage()).contains("learner.entropy: 0");
  }

  @Test
  void aLongerRunWithAConstantRateEndsLikeOneThatWasPlannedSo() {
    String[] constant = {"learner.optimizer.schedule=constant", "rollout.ahead=1"};
    String[] longer = {constant[0], constant[1], "steps=8"};
    String weights =
        TinyTraining.train(spark, corpus, folder.resolve("planned"), longer).weightsSha256();
    Path run = folder.resolve("longer");
    TinyTraining.train(spark, corpus, run, constant);
    List<String> warnings = new ArrayList<>();
    assertEquals(
        weights, TinyTraining.resume(spark, corpus, run, warnings, longer).weightsSha256());
    assertEquals(List.of(), warnings);
  }

  @Test
  void aLongerRunWithAScheduleIsWarnedAbout() {
    Path run = stopped("longer schedule");
    UserError error =
        assertThrows(UserError.class, () -> TinyTraining.resume(spark, corpus, run, "steps=4"));
    assertThat(error.getMessage()).contains("has 5 steps already");
    List<String> warnings = new ArrayList<>();
    Summary summary = TinyTraining.resume(spark, corpus, run, warnings, "steps=8");
    assertEquals(8, summary.steps());
    assertEquals(16, summary.updates());
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(warnings.get(0).startsWith("steps: 6 → 8: the learning-rate schedule"));
  }

  @Test
  void aTextThatChangedUnderwayIsRefused() throws IOException {
    Path text = Files.copy(corpus, folder.resolve("changing.txt"));
    Path run = folder.resolve("changing");
    assertTrue(TinyTraining.trainUntil(3, spark, text, run).isEmpty());
    Files.writeString(text, Files.readString(text).replace('a', 'e'));
    UserError error = assertThrows(UserError.class, () -> TinyTraining.resume(spark, text, run));
    assertThat(error.getMessage())
        .contains("not the expected " + Sha256.of(Files.readAllBytes(corpus)));
  }

  @Test
  void theSettingsAreInTheCheckpoint() throws IOException {
    JsonNode marker =
        JSON.readTree(Files.readAllBytes(checkpoint(whole, 6).resolve("trainer.json")));
    Map<String, String> settings =
        ConfigReader.flat(Runs.config(TinyTraining.storage(), whole.toString()));
    assertEquals(settings.size(), marker.path("settings").size());
    settings.forEach(
        (key, value) -> assertEquals(value, marker.path("settings").path(key).asText(), key));
  }

  @Test
  void aRunOfAnEarlierVersionGoesOnUnderTheNewNamesOfItsKeys() throws IOException {
    Path run = stopped("earlier");
    Path file = run.resolve("config.conf");
    Files.writeString(file, Files.readString(file).replace("rolloutTable", "rollouts"));
    CheckpointFolder checkpoint =
        CheckpointFolder.find(TinyTraining.storage(), run.toString(), "5");
    ObjectNode marker = checkpoint.content(TinyTraining.storage());
    ObjectNode settings = (ObjectNode) marker.get("settings");
    for (String key : List.of("every", "format", "topActions", "windows")) {
      settings.set("rollouts." + key, settings.remove("rolloutTable." + key));
    }
    Map<String, Content> files = new LinkedHashMap<>();
    for (String name :
        List.of("model.safetensors", "optimizer.safetensors", "config.json", "tokenizer.json")) {
      files.put(name, Content.of(checkpoint.read(TinyTraining.storage(), name)));
    }
    checkpoint.write(TinyTraining.storage(), files, marker);

    List<String> warnings = new ArrayList<>();
    Runs.config(TinyTraining.storage(), run.toString(), List.of(), warnings::add);
    assertEquals(1, warnings.size(), warnings.toString());
    assertThat(warnings.get(0)).contains("rollouts is called rolloutTable");
    assertEndsLikeTheWhole(run, TinyTraining.resume(spark, corpus, run));
    assertTrue(Files.readString(file).contains("rolloutTable"), "written under the new name");
    // A changed format is still refused, by its new name.
    Files.writeString(file, Files.readString(file).replace("rolloutTable", "rollouts"));
    UserError error =
        assertThrows(
            UserError.class,
            () -> TinyTraining.resume(spark, corpus, run, "rollouts.format=delta"));
    assertThat(error.getMessage()).contains("rolloutTable.format: parquet → delta");
  }
}
