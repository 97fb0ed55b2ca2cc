package io.avatarl.bench;

import io.avatarl.config.GptConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A Python with PyTorch or tokenizers, for the yardsticks, if there is one.
 *
 * @param path of the interpreter; empty if there is none
 * @param missing why there is none; empty if there is one
 */
public record Python(Optional<String> path, String missing) {
  private static final String SCRIPT = "pytorch_bench.py";
  private static final String LAPS = "laps.py";
  private static final String TOKENIZERS = "tokenizers_bench.py";
  private static final int IMPORT_SECONDS = 120;

  /** The first of these interpreters that can import torch; skips nulls. */
  public static Python find(String... candidates) {
    return with("torch", "PyTorch", candidates);
  }

  /** The first of these interpreters that can import Hugging Face's tokenizers; skips nulls. */
  public static Python findTokenizers(String... candidates) {
    return with("tokenizers", "tokenizers", candidates);
  }

  private static Python with(String module, String name, String... candidates) {
    return Stream.of(candidates)
        .filter(Objects::nonNull)
        .filter(python -> runs(List.of(python, "-c", "import " + module), IMPORT_SECONDS))
        .findFirst()
        .map(python -> new Python(Optional.of(python), ""))
        .orElse(
            none("no Python with " + name + ": add --install-python, or name one with --python"));
  }

  /** No Python, with the reason. */
  public static Python none(String why) {
    return new Python(Optional.empty(), why);
  }

  /** Whether a command ends in time with exit code 0. */
  public static boolean runs(List<String> command, int seconds) {
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (process.waitFor(seconds, TimeUnit.SECONDS)) {
        return process.exitValue() == 0;
      }
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      return false;
    } catch (IOException e) {
      return false; // There is no such program.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** This Python, or none if the script does not support this form of the model. */
  Python forModel(GptConfig model) {
    boolean known =
        model.norm() == GptConfig.Norm.RMS
            && model.positions() == GptConfig.Positions.ROTARY
            && model.activation() == GptConfig.Activation.RELU2
            && model.qkNorm()
            && !model.tokenShift()
            && model.tied()
            && !model.bias();
    return known ? this : none("the PyTorch script only supports the default form of the model");
  }

  /**
   * Starts the script.
   *
   * @param folder for the script and its log
   * @param rows windows of a minibatch, or continuations at once
   */
  Benchmark part(
      Path folder,
      String what,
      GptConfig model,
      int vocabulary,
      int rows,
      int threads,
      List<String> more)
      throws IOException {
    List<String> command = command(folder, what, model, vocabulary, rows, threads);
    command.addAll(more);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("OMP_NUM_THREADS", Integer.toString(threads));
    String name =
        "pytorch-"
            + what
            + "-"
            + rows
            + "-threads-"
            + threads
            + String.join("", more).replaceAll("--(?:\\w+=)?", "-");
    return new ProcessBenchmark(builder, folder.resolve(name + ".log"));
  }

  /**
   * Starts Hugging Face's {@code encode_batch} on one core.
   *
   * @param tokenizer its {@code tokenizer.json}
   * @param texts a JSON list
   */
  Benchmark encodeBatch(Path folder, Path tokenizer, Path texts) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            path.orElseThrow(),
            script(folder, TOKENIZERS).toString(),
            tokenizer.toString(),
            texts.toString());
    builder.environment().put("TOKENIZERS_PARALLELISM", "false");
    return new ProcessBenchmark(builder, folder.resolve("tokenizers.log"));
  }

  /** A script in {@code folder}, with what it imports. */
  private static Path script(Path folder, String name) throws IOException {
    for (String file : List.of(LAPS, name)) {
      try (InputStream in = Python.class.getResourceAsStream(file)) {
        Files.write(folder.resolve(file), in.readAllBytes());
      }
    }
    return folder.resolve(name);
  }

  /** The script's command line, and the script in {@code folder}. */
  List<String> command(
      Path folder, String what, GptConfig model, int vocabulary, int rows, int threads)
      throws IOException {
    Path script = script(folder, SCRIPT);
    return new ArrayList<>(
        List.of(
            path.orElseThrow(),
            script.toString(),
            what,
            "--vocabulary=" + vocabulary,
            "--context=" + model.context(),
            "--layers=" + model.layers(),
            "--heads=" + model.heads(),
            "--width=" + model.width(),
            "--rows=" + rows,
            "--threads=" + threads));
  }
}
