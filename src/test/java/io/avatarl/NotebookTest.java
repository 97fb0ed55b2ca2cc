package io.avatarl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.train.TrialRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The notebook, executed from top to bottom on a tiny run where a Python with its requirements is
 * at hand; skipped elsewhere.
 */
class NotebookTest {
  private static final Path NOTEBOOK = Path.of("notebooks/inspect_rollouts.ipynb");
  private static final String IMPORTS = "import pyspark, pandas, matplotlib, nbclient, ipykernel";
  private static final int SECONDS = 170;
  private static final int INSTALL_MINUTES = 15;

  @TempDir Path folder;

  @Test
  void isKeptWithoutOutputs() throws IOException {
    for (JsonNode cell : new ObjectMapper().readTree(NOTEBOOK.toFile()).path("cells")) {
      assertEquals(0, cell.path("outputs").size());
    }
  }

  @Test
  void requiresTheProjectsSpark() throws IOException {
    String pom = Files.readString(Path.of("pom.xml"));
    String version = pom.replaceAll("(?s).*<spark.version>(.*?)</spark.version>.*", "$1");
    String requirements = Files.readString(Path.of("notebooks/requirements.txt"));
    assertTrue(requirements.lines().anyMatch(("pyspark==" + version)::equals), requirements);
  }

  @Test
  void runsFromTopToBottom() throws Exception {
    if (Boolean.getBoolean("avatarl.notebook.install")) {
      install();
    }
    Optional<String> python = python();
    assumeTrue(
        python.isPresent(),
        "no Python with notebooks/requirements.txt; mvn -Pnotebook verify installs one");
    Path run;
    SparkSession spark = TrialRun.spark();
    try {
      run = TrialRun.of(spark, folder, "rollouts.every=2", "rollouts.windows=0");
    } finally {
      spark.stop();
    }
    Path out = Path.of("target/notebook");
    Files.createDirectories(out);
    ProcessBuilder process =
        new ProcessBuilder(
                python.get(),
                "src/test/python/execute_notebook.py",
                NOTEBOOK.toString(),
                out.toString(),
                Integer.toString(SECONDS))
            .redirectErrorStream(true)
            .redirectOutput(out.resolve("log.txt").toFile());
    process.environment().put("AVATARL_RUN", run.toString());
    // What is tested, not what was last packaged.
    process.environment().put("AVATARL_JAR", System.getProperty("java.class.path"));
    process.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    process.environment().remove("SPARK_HOME");
    process.environment().put("PYSPARK_PYTHON", python.get());
    Process started = process.start();
    boolean ended = started.waitFor(SECONDS, TimeUnit.SECONDS);
    if (!ended) {
      started.descendants().forEach(ProcessHandle::destroyForcibly);
      started.destroyForcibly();
    }
    String log = Files.readString(out.resolve("log.txt"));
    assertTrue(ended, "took more than " + SECONDS + " seconds: " + log);
    assertEquals(0, started.exitValue(), log);
    assertTrue(log.contains("'the ' "), log);
    assertTrue(log.contains("3 plots"), log);
  }

  /** Makes {@code target/notebook-venv}; where that fails, the test is skipped with the reason. */
  private static void install() throws IOException, InterruptedException {
    Path venv = Path.of("target/notebook-venv");
    if (imports(venv.resolve("bin/python").toAbsolutePath().toString())) {
      return;
    }
    String command =
        "python3 -m venv %1$s && %1$s/bin/pip install -q -r notebooks/requirements.txt"
            .formatted(venv);
    Path log = Files.createDirectories(Path.of("target/notebook")).resolve("install.txt");
    Process process =
        new ProcessBuilder("bash", "-c", command)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    boolean ended = process.waitFor(INSTALL_MINUTES, TimeUnit.MINUTES);
    if (!ended) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    assumeTrue(ended && process.exitValue() == 0, "pip could not install: see " + log);
  }

  /** A Python that has what the notebook imports. */
  private static Optional<String> python() {
    return Stream.of(
            System.getenv("AVATARL_PYTHON"),
            Path.of("target/notebook-venv/bin/python").toAbsolutePath().toString(),
            Path.of(".venv/bin/python").toAbsolutePath().toString(),
            "python3")
        .filter(candidate -> candidate != null && imports(candidate))
        .findFirst();
  }

  private static boolean imports(String python) {
    try {
      Process process =
          new ProcessBuilder(List.of(python, "-c", IMPORTS))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return false;
      }
      return process.exitValue() == 0;
    } catch (IOException e) {
      return false; // No such program.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
