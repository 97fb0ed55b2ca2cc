package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.PythonVenv;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the scripts make of a machine and of a user before a command of ours has begun. */
class LaunchIT {
  private static final int MINUTES = 5;

  @TempDir static Path folder;

  private static final String PRESET =
      """
      steps = 1
      model { layers = 1, heads = 1, width = 8, context = 8 }
      rollout { shards = 1, windowsPerUpdate = 2 }
      learner { updatesPerStep = 1 }
      evaluation { every = 0, windows = 8 }
      sample { count = 1, tokens = 5 }
      """;

  private static CommandResult script(
      Map<String, String> environment, String name, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of("jobs", name).toAbsolutePath().toString());
    command.addAll(List.of(arguments));
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().put("AVATARL_SPARK", System.getProperty("avatarl.spark"));
    builder.environment().putAll(environment);
    Process process = builder.start();
    assertTrue(PythonVenv.ends(process, MINUTES, TimeUnit.MINUTES));
    return new CommandResult(
        process.exitValue(),
        Files.readString(out, StandardCharsets.UTF_8),
        Files.readString(err, StandardCharsets.UTF_8));
  }

  private static void refused(CommandResult outcome, String says) {
    assertEquals(2, outcome.code(), outcome.err());
    assertEquals(1, outcome.err().lines().count(), outcome.err());
    assertThat(outcome.err()).contains(says);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--driver-memory=lots             | --driver-memory lots: is not an amount of memory",
        "--driver-memory=1k               | the JVM does not start",
        "--executor-memory=2 gigabytes    | --executor-memory 2 gigabytes: is not an amount",
        "--conf=spark.driver.memory=much  | --conf spark.driver.memory much",
        "--conf=novalue                   | --conf novalue: write it as key=value",
        "--master=nonsense                | --master nonsense: is none of local[N]",
        "--properties-file=none           | --properties-file none: no such file",
        "--conf=spark.local.dir=/proc/x   | spark.local.dir: Spark cannot write into any",
      })
  void optionsOfSparkAndTheJvm(String option, String says) throws Exception {
    Path text = Files.writeString(folder.resolve("text.txt"), "to be or not to be ".repeat(40));
    Path preset = Files.writeString(folder.resolve("tiny.conf"), PRESET);
    refused(
        script(
            Map.of(),
            "train.sh",
            option,
            "--preset",
            preset.toString(),
            "--corpus",
            text.toString(),
            "--out",
            folder.resolve("refused").toString()),
        says);
    assertFalse(Files.exists(folder.resolve("refused/config.conf")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SPARK_DRIVER_MEMORY | lots      | SPARK_DRIVER_MEMORY lots: is not an amount of memory",
        "SPARK_REMOTE        | sc://host | unset it",
        "JAVA_TOOL_OPTIONS   | -XX:+None | the JVM does not start",
      })
  void variablesOfSparkAndTheJvm(String name, String value, String says) throws Exception {
    refused(script(Map.of(name, value), "sample.sh", "none"), says);
  }

  /** The locale of a bare container, another CDPATH, and a class path of another Hadoop's. */
  @Test
  void textIsExactInTheLocaleC() throws Exception {
    Map<String, String> bare =
        Map.of("LC_ALL", "C", "CDPATH", "/", "SPARK_DIST_CLASSPATH", "/none", "SPARK_TESTING", "1");
    Path text =
        Files.writeString(
            folder.resolve("Fürst.txt"), "Der Fürst von Ülm, größer als groß. ".repeat(40));
    Path preset = Files.writeString(folder.resolve("tiny.conf"), PRESET);
    String run = "runs/mit Raum ü";
    CommandResult trained =
        script(
            bare,
            "train.sh",
            "--preset",
            preset.toString(),
            "--corpus",
            text.toString(),
            "--out",
            run);
    assertEquals(0, trained.code(), trained.err());
    assertTrue(Files.exists(folder.resolve(run).resolve("summary.json")), trained.out());
    String pasted =
        trained.out().lines().filter(line -> line.startsWith("try ")).findFirst().orElseThrow();
    assertThat(pasted).endsWith("/jobs/sample.sh 'runs/mit Raum ü'");
    CommandResult sample = script(bare, "sample.sh", run, "--prompt", "Fürst ü", "--tokens", "2");
    assertEquals(0, sample.code(), sample.err());
    assertThat(sample.out()).startsWith("Fürst ü");
    CommandResult sql = script(bare, "rollouts.sh", run, "--sql", "SELECT 'größer' AS w", "--json");
    assertEquals("{\"w\":\"größer\"}\n", sql.out(), sql.err());
  }
}
