package io.avatarl.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import io.avatarl.model.Safetensors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PythonTest {
  private static final int VOCABULARY = 11;
  private static final int ROWS = 3;

  /** The comparison is honest: PyTorch's model is this one. */
  @Test
  void theYardstickInPyTorchGivesTheSameLogProbabilities(@TempDir Path folder) throws Exception {
    Python python = Python.find(System.getenv("AVATARL_PYTHON"), "python3");
    assumeTrue(python.path().isPresent(), python.missing() + " (or $AVATARL_PYTHON)");
    TrainingConfig config =
        ConfigReader.read(
            "trial",
            "model { layers = 2, heads = 2, width = 16, context = 8, initStd = 0.3 }",
            List.of());
    NativeEngine.load(1);
    Parameters parameters =
        Parameters.initial(config, ParameterLayout.of(config.model(), VOCABULARY));
    Path weights =
        Files.write(folder.resolve("model.safetensors"), Safetensors.write(parameters.toTensors()));
    List<String> command = python.command(folder, "logits", config.model(), VOCABULARY, ROWS, 1);
    command.add("--weights=" + weights);
    Process process =
        new ProcessBuilder(command).redirectError(folder.resolve("errors").toFile()).start();
    JsonNode said = new ObjectMapper().readTree(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), () -> read(folder.resolve("errors")));
    long[] tokens =
        LongStream.range(0, (long) ROWS * config.model().context())
            .map(i -> i * 7 % VOCABULARY)
            .toArray();
    try (Policy policy = new Policy(config.model(), parameters)) {
      float[] expected = policy.logProbs(ROWS, tokens);
      assertArrayEquals(expected, logProbs(said.path("whole")), 1e-5f);
      assertArrayEquals(expected, logProbs(said.path("cached")), 1e-5f);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static float[] logProbs(JsonNode logits) {
    float[] logProbs = new float[logits.size()];
    for (int from = 0; from < logProbs.length; from += VOCABULARY) {
      double sum = 0;
      for (int v = 0; v < VOCABULARY; v++) {
        sum += Math.exp(logits.get(from + v).asDouble());
      }
      for (int v = 0; v < VOCABULARY; v++) {
        logProbs[from + v] = (float) (logits.get(from + v).asDouble() - Math.log(sum));
      }
    }
    return logProbs;
  }
}
