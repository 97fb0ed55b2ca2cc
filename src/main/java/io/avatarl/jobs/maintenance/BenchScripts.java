package io.avatarl.jobs.maintenance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.bench.Bench;
import io.avatarl.bench.Benchmark;
import io.avatarl.bench.ProcessBenchmark;
import io.avatarl.config.UserError;
import io.avatarl.jobs.Home;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Starts other processes through the scripts of this clone.
 *
 * @param preset to train
 * @param corpus as for jobs/train.sh; empty: that of the preset
 * @param overrides {@code key=value} each
 */
record BenchScripts(String preset, Optional<String> corpus, List<String> overrides)
    implements Bench.Launch {
  @Override
  public Benchmark training(String master, List<String> more, Path log) throws IOException {
    return serving(master, more, log, List.of("--training"));
  }

  @Override
  public Benchmark frames(String master, List<String> more, String reward, Path log)
      throws IOException {
    return serving(master, more, log, List.of("--frames", reward));
  }

  private Benchmark serving(String master, List<String> more, Path log, List<String> what)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(script("bench.sh"), "--master", master));
    command.addAll(what);
    command.addAll(List.of("--preset", preset));
    corpus.ifPresent(path -> command.addAll(List.of("--corpus", path)));
    Stream.concat(overrides.stream(), more.stream())
        .forEach(override -> command.addAll(List.of("--set", override)));
    return new ProcessBenchmark(process(command), log);
  }

  @Override
  public JsonNode ngrams(int megabytes, int merges, Path folder) throws IOException {
    Path file = folder.resolve("ngrams-" + megabytes + ".json");
    Process process =
        process(
                List.of(
                    script("ngrams.sh"),
                    "--generated",
                    Integer.toString(megabytes),
                    "--bpe",
                    Integer.toString(merges),
                    "--json",
                    file.toString()))
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("ngrams-" + megabytes + ".log").toFile())
            .start();
    try {
      if (process.waitFor() != 0) {
        throw new IllegalStateException(
            "jobs/ngrams.sh ended with code "
                + process.exitValue()
                + "; its messages are in "
                + folder);
      }
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
    return new ObjectMapper().readTree(Files.readAllBytes(file));
  }

  /** A process without the environment that the script set only for this one. */
  private ProcessBuilder process(List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command);
    Map<String, String> environment = builder.environment();
    environment.remove("SPARK_SUBMIT_OPTS");
    if (Path.of(Home.path(), "target", "spark-home")
        .toString()
        .equals(environment.get("SPARK_HOME"))) {
      environment.remove("SPARK_HOME");
      environment.remove("SPARK_CONF_DIR");
    }
    return builder;
  }

  private String script(String name) {
    Path script = Path.of(Home.path(), "jobs", name);
    if (!Files.isExecutable(script)) {
      throw new UserError(script + ": not found; start the bench with jobs/bench.sh of a clone");
    }
    return script.toString();
  }
}
