package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.UserError;
import io.avatarl.interchange.HuggingFaceModel;
import io.avatarl.train.FinishedRun;
import io.avatarl.train.Runs;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jobs/export.sh} and the call, on one finished run. */
class ModelExportTest {
  @TempDir static Path folder;
  private static Path run;

  @BeforeAll
  static void train() throws IOException {
    SparkSession spark = FinishedRun.spark();
    try {
      run = FinishedRun.of(spark, folder, "preset=trial");
    } finally {
      spark.stop();
    }
  }

  private static List<String> names(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static CommandResult export(Path out, String... more) {
    String[] all = new String[more.length + 3];
    all[0] = run.toString();
    all[1] = "--out";
    all[2] = out.toString();
    System.arraycopy(more, 0, all, 3, more.length);
    return CommandResult.export(all);
  }

  @Test
  void aFolderForTransformers() throws IOException {
    Path out = folder.resolve("models/hf");
    CommandResult result = export(out, "--format", "hf").succeeds();
    assertThat(result.out())
        .contains(
            "architecture  ApertusForCausalLM\n",
            "checkpoint    " + run + "/checkpoints/step-000006\n");
    assertEquals(
        List.of(
            "README.md",
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json"),
        names(out));
    HuggingFaceModel read =
        HuggingFaceModel.read(
            TinyTraining.storage(),
            out.toString(),
            Runs.config(TinyTraining.storage(), run.toString()).model());
    JsonNode summary = new ObjectMapper().readTree(run.resolve("summary.json").toFile());
    assertEquals(summary.path("weights_sha256").asText(), read.parameters().sha256());
    String card = Files.readString(out.resolve("README.md"));
    for (String part :
        List.of(
            "library_name: transformers",
            "# trial-run",
            "2 layers, 2 heads, width 16, context 16",
            "from_pretrained(\"trial-run\")",
            "| preset | `trial`, seed 1 |",
            "| corpus | play.txt, 10 % of it held out |",
            "| updates | 12 in 6 steps, each of 4 windows |",
            "| estimator | maxrl over exhaustive actions in each state |",
            "| reward | 1.0 × exact |",
            "| cross-entropy, nats per token | "
                + String.format("%.4f", summary.path("val_ce").asDouble()),
            "| bigram table on the same text, nats per token | ",
            "## Licence\n\nNot stated.",
            summary.path("weights_sha256").asText())) {
      assertTrue(card.contains(part), () -> part + " is not in " + card);
    }
    assertThat(card).doesNotContain(folder.toString());
  }

  @Test
  void aFileForLlamaCpp() throws IOException {
    Path out = folder.resolve("gguf");
    CommandResult result = export(out, "--format", "gguf").succeeds();
    assertThat(result.out()).contains("architecture  apertus\n");
    assertEquals(List.of("README.md", "model.gguf"), names(out));
    assertEquals(
        "GGUF", new String(Files.readAllBytes(out.resolve("model.gguf")), 0, 4, "US-ASCII"));
    assertThat(Files.readString(out.resolve("README.md"))).contains("-m model.gguf --ctx-size 16");
  }

  @Test
  void anEarlierCheckpointHasItsOwnFigures() throws IOException {
    Path out = folder.resolve("earlier");
    export(out, "--format", "hf", "--checkpoint", "4").succeeds();
    String card = Files.readString(out.resolve("README.md"));
    assertThat(card)
        .contains("| cross-entropy, nats per token, at step 3 | ", "| updates | 8 in 4 steps");
    assertThat(card).doesNotContain("bigram");
    Path named = folder.resolve("named");
    ModelExport.write(run + "/checkpoints/step-000004", "HF", named.toUri().toString());
    assertEquals(card, Files.readString(named.resolve("README.md")));
  }

  @Test
  void whatIsThereIsRefused() throws IOException {
    Path out = Files.createDirectories(folder.resolve("there"));
    export(out, "--format", "hf").refuses(out + ": exists already", "--out");
    assertEquals(List.of(), names(out));
    UserError error =
        assertThrows(
            UserError.class, () -> ModelExport.write(run.toString(), "onnx", out.toString()));
    assertEquals("format onnx is not one of hf, gguf", error.getMessage());
    export(folder.resolve("none"), "--format", "hf", "--checkpoint", "5")
        .refuses("no checkpoint of step 5");
    assertFalse(Files.exists(folder.resolve("none")));
  }

  /** Into a run's own folder only while nobody else writes there. */
  @Test
  void aClaimIsRespected() throws IOException {
    Path inside = run.resolve("model");
    Runs.whileClaimed(
        TinyTraining.storage(),
        run.toString(),
        () -> {
          export(inside, "--format", "hf").refuses("is being written by process");
          assertFalse(Files.exists(inside));
          export(folder.resolve("beside"), "--format", "hf").succeeds();
        });
    export(inside, "--format", "gguf").succeeds();
    assertEquals(List.of("README.md", "model.gguf"), names(inside));
    assertTrue(
        names(run).stream().noneMatch(name -> name.startsWith("claim-")), names(run).toString());
  }

  @Test
  void aDamagedCheckpointLeavesNothing() throws IOException {
    Path damaged = folder.resolve("damaged");
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.toList()) {
        Files.copy(file, damaged.resolve(run.relativize(file).toString()));
      }
    }
    Path weights = damaged.resolve("checkpoints/step-000006/model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 1;
    Files.write(weights, bytes);
    Path out = folder.resolve("of-damaged");
    CommandResult.export(damaged.toString(), "--format", "hf", "--out", out.toString())
        .refuses("model.safetensors", "checksum does not match");
    assertFalse(Files.exists(out));
  }
}
