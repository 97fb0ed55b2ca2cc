package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.CharacterTokenizer;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Sha256;
import io.avatarl.learner.Learner;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Safetensors;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files of a checkpoint, read by Java and by Python. */
class CheckpointTest {
  private static final String PACKAGES = "target/python";
  private static final int INSTALL_SECONDS = 60;
  private static final int RUN_SECONDS = 30;

  private static final TrainerState TRAINER =
      new TrainerState(
          3,
          6,
          100,
          200,
          0.1 / 7,
          -0.25,
          1.5,
          Map.of("learn", 0.5),
          new TransferredBytes.Moved(1L << 40, 7),
          0.1 / 3,
          new Curriculum.Position(2, 5, 1 / 3.0, 2 / 3.0, Double.MAX_VALUE, 7),
          new HealthMonitor.State(
              List.of(0.1, 0.7),
              List.of(1 / 3.0),
              List.of(1e-30),
              List.of(0.0, Double.MIN_VALUE),
              List.of(),
              List.of(0.25),
              Map.of("entropy", 7)),
          new TrainerState.Evaluation(2, 2 / 7.0),
          new EarlyStopping.State(new TrainerState.Evaluation(1, 1 / 7.0), 2),
          Map.of("sample.prompt", "\n\"", "steps", "6"));

  @TempDir static Path run;
  private static Tokenizer tokenizer;
  private static Parameters parameters;
  private static CheckpointFolder checkpoint;

  @BeforeAll
  static void write() {
    TrainingConfig config =
        ConfigReader.read(
            "trial", TinyTraining.PRESET, List.of("model.norm=layer", "model.activation=gelu"));
    tokenizer = CharacterTokenizer.of("\n\"\\ abé€😀");
    ParameterLayout layout = ParameterLayout.of(config.model(), tokenizer.vocabularySize());
    NativeEngine.load(1);
    parameters = Parameters.random(layout, 0.5, 1);
    try (Learner learner = new Learner(config.learner(), config.model(), parameters, 10)) {
      checkpoint =
          Checkpoint.write(
              TinyTraining.storage(),
              run.toString(),
              config.model(),
              tokenizer,
              learner,
              parameters.toArray(),
              TRAINER);
    }
  }

  private static Path file(String name) {
    return Path.of(checkpoint.path()).resolve(name);
  }

  @Test
  void javaReadsBackWhatItWrote() {
    assertEquals(
        parameters.sha256(),
        checkpoint.parameters(TinyTraining.storage(), parameters.layout()).sha256());
    assertEquals(tokenizer, checkpoint.tokenizer(TinyTraining.storage()));
    Checkpoint.State state =
        Checkpoint.read(TinyTraining.storage(), checkpoint, parameters.layout());
    assertEquals(TRAINER, state.trainer());
    assertArrayEquals(parameters.toArray(), state.behaviour());
  }

  @Test
  void theModelsConfigurationIsForReadersInOtherLanguages() throws IOException {
    assertEquals(
        new ObjectMapper()
            .readTree(
                """
                {"vocabulary": 9, "layers": 2, "heads": 2, "width": 16, "context": 16,
                 "norm": "layer", "positions": "rotary", "activation": "gelu", "qk_norm": true, "token_shift": false,
                 "bias": false, "tied": true, "init_std": 0.02,
                 "constants": {"rms_epsilon": 1e-6, "layer_norm_epsilon": 1e-5, "rotary_base": 10000.0}}
                """),
        TinyTraining.json(file("config.json")));
  }

  @Test
  void pythonReadsTheSame() throws IOException, InterruptedException {
    requirePython();
    JsonNode read =
        new ObjectMapper()
            .readTree(
                output(
                    RUN_SECONDS,
                    "python3",
                    Path.of("src", "test", "python", "read_checkpoint.py").toString(),
                    checkpoint.path()));
    assertEquals(TinyTraining.json(file("config.json")), read.path("config"));
    assertEquals(tokenizer.vocabularySize(), read.path("vocabulary").size());
    for (int token = 0; token < tokenizer.vocabularySize(); token++) {
      assertEquals(tokenizer.decode(token), read.path("vocabulary").path(token).asText());
    }
    Map<String, Safetensors.Tensor> tensors = parameters.toTensors();
    assertEquals(tensors.size(), read.path("tensors").size());
    tensors.forEach(
        (name, tensor) -> {
          JsonNode found = read.path("tensors").path(name);
          assertEquals("F32", found.path("dtype").asText(), name);
          assertEquals(
              tensor.shape().toString(), found.path("shape").toString().replace(",", ", "), name);
          ByteBuffer bytes =
              ByteBuffer.allocate(4 * tensor.values().length).order(ByteOrder.LITTLE_ENDIAN);
          bytes.asFloatBuffer().put(tensor.values());
          assertEquals(Sha256.of(bytes.array()), found.path("sha256").asText(), name);
        });
  }

  /**
   * Makes safetensors importable from {@link #PACKAGES}; the test is skipped where that cannot be.
   */
  private static void requirePython() throws IOException, InterruptedException {
    assumeTrue(succeeds(RUN_SECONDS, "python3", "--version"), "python3 is not on the path");
    if (succeeds(RUN_SECONDS, "python3", "-c", "import safetensors")) {
      return;
    }
    // The version that the reference values were made with.
    String requirement =
        Files.readAllLines(Path.of("src", "test", "python", "requirements.txt")).stream()
            .filter(line -> line.startsWith("safetensors"))
            .findFirst()
            .orElseThrow();
    assumeTrue(
        succeeds(
            INSTALL_SECONDS,
            ("python3 -m pip install -q --no-input --disable-pip-version-check --no-deps"
                    + " --retries 0 --timeout 5 --target "
                    + PACKAGES
                    + " "
                    + requirement)
                .split(" ")),
        "pip cannot install " + requirement + " (no pip, no network, or another Python)");
  }

  private static ProcessBuilder process(String... command) {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("PYTHONPATH", PACKAGES);
    return builder;
  }

  private static boolean succeeds(int seconds, String... command)
      throws IOException, InterruptedException {
    Process process;
    try {
      process = process(command).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    } catch (IOException e) {
      return false;
    }
    if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
      return false;
    }
    return process.exitValue() == 0;
  }

  private static String output(int seconds, String... command)
      throws IOException, InterruptedException {
    File out = Files.createTempFile(run, "python", ".json").toFile();
    Process process = process(command).redirectOutput(out).start();
    assertTrue(process.waitFor(seconds, TimeUnit.SECONDS), "python3 takes too long");
    String text = Files.readString(out.toPath());
    assertEquals(0, process.exitValue(), text);
    return text;
  }
}
