package io.avatarl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.jobs.Training;
import io.avatarl.train.FinishedRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The notebooks, executed from top to bottom on tiny runs where a Python with their requirements is
 * at hand; skipped elsewhere.
 */
class NotebookTest {
  private static final Path INSPECT = Path.of("notebooks/inspect_rollouts.ipynb");
  private static final Path TRAIN = Path.of("notebooks/train_from_a_notebook.ipynb");
  private static final Path SHAPE = Path.of("notebooks/shape_a_model.ipynb");
  private static final String IMPORTS = "import pyspark, pandas, matplotlib, nbclient, ipykernel";
  private static final String REQUIREMENTS = "-r notebooks/requirements.txt";
  private static final int SECONDS = 600;

  @TempDir Path folder;

  @BeforeAll
  static void onTheNotebooksSpark() {
    String version = System.getProperty("avatarl.spark.version");
    assumeTrue(
        version.startsWith("4."), "notebooks/requirements.txt is for Spark 4, not " + version);
  }

  @Test
  void areKeptWithoutOutputs() throws IOException {
    for (Path notebook : List.of(INSPECT, TRAIN, SHAPE)) {
      for (JsonNode cell : new ObjectMapper().readTree(notebook.toFile()).path("cells")) {
        assertEquals(0, cell.path("outputs").size());
      }
    }
  }

  @Test
  void callTheJvmThroughThePackage() throws IOException {
    for (Path notebook : List.of(INSPECT, TRAIN)) {
      String text = Files.readString(notebook);
      assertFalse(text.contains("_jvm"), notebook.toString());
      assertTrue(text.contains("import avatarl"), notebook.toString());
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
    SparkSession spark = FinishedRun.spark();
    try {
      run = FinishedRun.of(spark, folder, "rolloutTable.every=2", "rolloutTable.windows=0");
    } finally {
      spark.stop();
    }
    String log = execute(INSPECT, 3, "AVATARL_RUN", run.toString());
    assertThat(log).contains("'the '", "3 plots");
  }

  @Test
  void aCellTrains() throws Exception {
    String log = execute(TRAIN, 0, "AVATARL_RUNS", folder.toString());
    assertThat(log)
        .contains("preset     smoke, seed 1", "step 20/20", "\ninterrupted\n")
        .contains("\nthe same weights", "table and DataFrame: the same weights");
    for (String file : List.of("summary.json", "report.html", "config.conf", "samples.json")) {
      assertTrue(Files.exists(folder.resolve("first").resolve(file)), file);
    }
  }

  @Test
  void aModelIsShaped() throws Exception {
    Path run;
    SparkSession spark = FinishedRun.spark();
    try {
      run = FinishedRun.of(spark, folder);
    } finally {
      spark.stop();
    }
    String settings =
        """
        {"steps": 2, "rollout.horizon": 8, "rollout.samples": 2, "prompt": 9, "shortest": 1, "longest": 9, "evaluation.every": 1,
         "checkpoint.every": 0, "sample.tokens": 20}""";
    String log =
        execute(
            SHAPE,
            1,
            Map.of(
                "AVATARL_RUN", run.toString(),
                "AVATARL_CORPUS", folder.resolve("play.txt").toString(),
                "AVATARL_OUT", folder.resolve("lines").toString(),
                "AVATARL_SETTINGS", settings));
    assertThat(log)
        .contains(
            "lines of 1 to 9 characters: ",
            "validation cross-entropy: ",
            "--- after training:",
            "\nstep 3: reward ");
    String config = Files.readString(folder.resolve("lines/config.conf"));
    assertThat(config).contains("^.{1,9}");
  }

  /** The stop button is a SIGINT to the process that waits for a line of progress. */
  @Test
  void trainingIsStoppedByAnInterrupt() throws Exception {
    Path run = folder.resolve("interrupted");
    Path log = folder.resolve("interrupted.txt");
    String python = PythonVenv.with("notebook-venv", "import pyspark", REQUIREMENTS);
    Process started =
        PythonPackageTest.python(
            python, log, Map.of(), "src/test/python/interrupted_training.py", run.toString());
    boolean ended;
    try {
      while (started.isAlive() && !Files.readString(log).contains("\nstep ")) {
        Thread.sleep(50);
      }
      new ProcessBuilder("kill", "-INT", Long.toString(started.pid())).start().waitFor();
    } finally {
      ended = PythonVenv.ends(started, SECONDS, TimeUnit.SECONDS);
    }
    String text = Files.readString(log);
    assertTrue(ended, text);
    assertEquals(0, started.exitValue(), text);
    assertThat(text).endsWith("interrupted\ncounted 10\n");
    assertFalse(Files.exists(run.resolve("summary.json")));
    int step;
    try (var checkpoints = Files.list(run.resolve("checkpoints"))) {
      List<String> names = checkpoints.map(path -> path.getFileName().toString()).toList();
      assertEquals(1, names.size(), names.toString());
      step = Integer.parseInt(names.get(0).replace("step-", ""));
    }

    Path whole = folder.resolve("whole");
    Map<String, Object> config = new HashMap<>(Map.of("steps", step + 5, "evaluation.every", 0));
    SparkSession spark = FinishedRun.spark();
    try {
      config.putAll(Map.of("out", run.toString(), "resume", true));
      Training.run(spark, config);
      config.putAll(Map.of("out", whole.toString(), "resume", false));
      config.putAll(Map.of("preset", "smoke", "corpus", "generated"));
      config.put("learner.optimizer.schedule", "constant");
      Training.run(spark, config);
    } finally {
      spark.stop();
    }
    assertEquals(weights(whole), weights(run));
  }

  private static String weights(Path run) throws IOException {
    return new ObjectMapper()
        .readTree(run.resolve("summary.json").toFile())
        .get("weights_sha256")
        .textValue();
  }

  /** Runs a notebook from top to bottom; what it printed. */
  private static String execute(Path notebook, int plots, String variable, String value)
      throws Exception {
    return execute(notebook, plots, Map.of(variable, value));
  }

  private static String execute(Path notebook, int plots, Map<String, String> variables)
      throws Exception {
    String python = PythonVenv.with("notebook-venv", IMPORTS, REQUIREMENTS);
    Path out = Path.of("target/notebook");
    Path log = out.resolve(notebook.getFileName() + ".txt");
    Files.createDirectories(out);
    Process started =
        PythonPackageTest.python(
            python,
            log,
            variables,
            "src/test/python/execute_notebook.py",
            notebook.toString(),
            out.toString(),
            Integer.toString(SECONDS),
            Integer.toString(plots));
    boolean ended = PythonVenv.ends(started, SECONDS, TimeUnit.SECONDS);
    String text = Files.readString(log);
    assertTrue(ended, "took more than " + SECONDS + " seconds: " + text);
    assertEquals(0, started.exitValue(), text);
    return text;
  }
}
