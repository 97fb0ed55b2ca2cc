package io.avatarl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.train.TrialRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The notebooks, executed from top to bottom on tiny runs where a Python with their requirements is
 * at hand; skipped elsewhere.
 */
class NotebookTest {
  private static final Path INSPECT = Path.of("notebooks/inspect_rollouts.ipynb");
  private static final Path TRAIN = Path.of("notebooks/train_from_a_notebook.ipynb");
  private static final String IMPORTS = "import pyspark, pandas, matplotlib, nbclient, ipykernel";
  private static final int SECONDS = 600;

  @TempDir Path folder;

  @Test
  void areKeptWithoutOutputs() throws IOException {
    for (Path notebook : List.of(INSPECT, TRAIN)) {
      for (JsonNode cell : new ObjectMapper().readTree(notebook.toFile()).path("cells")) {
        assertEquals(0, cell.path("outputs").size());
      }
    }
  }

  @Test
  void requireTheProjectsSpark() throws IOException {
    String version = System.getProperty("avatarl.spark.version");
    String requirements = Files.readString(Path.of("notebooks/requirements.txt"));
    assertTrue(requirements.lines().anyMatch(("pyspark==" + version)::equals), requirements);
  }

  @Test
  void aRunIsInspected() throws Exception {
    Path run;
    SparkSession spark = TrialRun.spark();
    try {
      run = TrialRun.of(spark, folder, "rollouts.every=2", "rollouts.windows=0");
    } finally {
      spark.stop();
    }
    String log = execute(INSPECT, 3, "AVATARL_RUN", run.toString());
    assertTrue(log.contains("'the '"), log);
    assertTrue(log.contains("3 plots"), log);
  }

  @Test
  void aCellTrains() throws Exception {
    String log = execute(TRAIN, 0, "AVATARL_RUNS", folder.toString());
    assertTrue(log.contains("preset     smoke, seed 1"), log);
    assertTrue(log.contains("step 20/20"), log);
    assertTrue(log.contains("resumed    after step"), log);
    assertTrue(log.contains("the same weights"), log);
    for (String file : List.of("summary.json", "report.html", "config.conf", "samples.json")) {
      assertTrue(Files.exists(folder.resolve("first").resolve(file)), file);
    }
  }

  /** Runs a notebook from top to bottom; what it printed. */
  private static String execute(Path notebook, int plots, String variable, String value)
      throws Exception {
    String python = PythonVenv.with("notebook-venv", IMPORTS, "-r notebooks/requirements.txt");
    Path out = Path.of("target/notebook");
    Path log = out.resolve(notebook.getFileName() + ".txt");
    Files.createDirectories(out);
    ProcessBuilder process =
        new ProcessBuilder(
                python,
                "src/test/python/execute_notebook.py",
                notebook.toString(),
                out.toString(),
                Integer.toString(SECONDS),
                Integer.toString(plots))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    process.environment().put(variable, value);
    process.environment().remove("AVATARL_CORPUS");
    // What is tested, not what was last packaged.
    process.environment().put("AVATARL_JAR", System.getProperty("java.class.path"));
    process.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    process.environment().remove("SPARK_HOME");
    process.environment().put("PYSPARK_PYTHON", python);
    Process started = process.start();
    boolean ended = PythonVenv.ends(started, SECONDS, TimeUnit.SECONDS);
    String text = Files.readString(log);
    assertTrue(ended, "took more than " + SECONDS + " seconds: " + text);
    assertEquals(0, started.exitValue(), text);
    return text;
  }
}
