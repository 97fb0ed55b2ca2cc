package io.avatarl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The tests of {@code src/main/python}, where a Python with the notebooks' PySpark is at hand. */
class PythonPackageTest {
  private static final int SECONDS = 600;
  private static final Path SOURCES = Path.of("src/main/python").toAbsolutePath();

  @TempDir Path folder;

  @Test
  void itsOwnTestsPass() throws Exception {
    String version = System.getProperty("avatarl.spark.version");
    assumeTrue(
        version.startsWith("4."), "notebooks/requirements.txt is for Spark 4, not " + version);
    String python =
        PythonVenv.with("notebook-venv", "import pyspark, pandas", "-r notebooks/requirements.txt");
    Path log = folder.resolve("log.txt");
    Process started = python(python, log, Map.of(), "src/test/python/test_avatarl.py");
    boolean ended = PythonVenv.ends(started, SECONDS, TimeUnit.SECONDS);
    String text = Files.readString(log);
    assertTrue(ended, text);
    assertEquals(0, started.exitValue(), text);
    assertThat(text).contains("\nOK\n");
  }

  /** Starts a script that makes a Spark session with this project's classes and package. */
  static Process python(String python, Path log, Map<String, String> variables, String... arguments)
      throws IOException {
    ProcessBuilder process =
        new ProcessBuilder(python).redirectErrorStream(true).redirectOutput(log.toFile());
    process.command().addAll(List.of(arguments));
    process.environment().remove("AVATARL_CORPUS");
    process.environment().remove("SPARK_HOME");
    // What is tested, not what was last packaged.
    process.environment().put("AVATARL_JAR", System.getProperty("java.class.path"));
    process.environment().put("PYTHONPATH", SOURCES.toString());
    process.environment().put("PYTHONDONTWRITEBYTECODE", "1");
    process.environment().put("PYSPARK_PYTHON", python);
    process.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    process.environment().putAll(variables);
    return process.start();
  }
}
