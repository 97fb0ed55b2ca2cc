package io.avatarl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.train.TrialRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
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
  private static final int SECONDS = 600;

  @TempDir Path folder;

  @Test
  void isKeptWithoutOutputs() throws IOException {
    for (JsonNode cell : new ObjectMapper().readTree(NOTEBOOK.toFile()).path("cells")) {
      assertEquals(0, cell.path("outputs").size());
    }
  }

  @Test
  void requiresTheProjectsSpark() throws IOException {
    String version = System.getProperty("avatarl.spark.version");
    String requirements = Files.readString(Path.of("notebooks/requirements.txt"));
    assertTrue(requirements.lines().anyMatch(("pyspark==" + version)::equals), requirements);
  }

  @Test
  void runsFromTopToBottom() throws Exception {
    String python = PythonVenv.with("notebook-venv", IMPORTS, "-r notebooks/requirements.txt");
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
                python,
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
    process.environment().put("PYSPARK_PYTHON", python);
    Process started = process.start();
    boolean ended = PythonVenv.ends(started, SECONDS, TimeUnit.SECONDS);
    String log = Files.readString(out.resolve("log.txt"));
    assertTrue(ended, "took more than " + SECONDS + " seconds: " + log);
    assertEquals(0, started.exitValue(), log);
    assertTrue(log.contains("'the ' "), log);
    assertTrue(log.contains("3 plots"), log);
  }
}
