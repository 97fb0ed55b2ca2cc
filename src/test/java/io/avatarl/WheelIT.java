package io.avatarl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The wheel that the build makes: what pip reads of it, and what a user does with it. */
class WheelIT {
  private static final int SECONDS = 600;
  private static final Path BUILD = Path.of(System.getProperty("avatarl.build"));
  private static final Pattern EXAMPLE =
      Pattern.compile("## Ten lines of Python.*?```python\n(.*?)```", Pattern.DOTALL);

  @TempDir Path folder;

  private static Path only(String glob) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(BUILD, glob)) {
      return files.iterator().next().toAbsolutePath();
    }
  }

  @Test
  void itsRecordListsWhatIsInIt() throws Exception {
    Map<String, String> actual = new TreeMap<>();
    Map<String, String> recorded = new TreeMap<>();
    byte[] jar = {};
    try (ZipFile wheel = new ZipFile(only("avatarl_spark-*.whl").toFile())) {
      for (ZipEntry entry : wheel.stream().toList()) {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        try (InputStream in = new DigestInputStream(wheel.getInputStream(entry), digest)) {
          long bytes = in.transferTo(java.io.OutputStream.nullOutputStream());
          String name = entry.getName();
          byte[] sha256 = digest.digest();
          boolean list = name.endsWith(".dist-info/RECORD");
          actual.put(
              name,
              list
                  ? ","
                  : "sha256="
                      + Base64.getUrlEncoder().withoutPadding().encodeToString(sha256)
                      + ","
                      + bytes);
          jar = name.endsWith("-job.jar") ? sha256 : jar;
          if (list) {
            new String(wheel.getInputStream(entry).readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .map(line -> line.split(",", 2))
                .forEach(pair -> recorded.put(pair[0], pair[1]));
          }
        }
      }
    }
    assertEquals(actual, recorded);
    assertArrayEquals(sha256(only("avatarl-spark-*-job.jar")), jar);
    TreeSet<String> sources = new TreeSet<>();
    Path root = Path.of("src/main/python");
    try (var files = Files.walk(root)) {
      files
          .filter(file -> file.toString().endsWith(".py"))
          .forEach(file -> sources.add(root.relativize(file).toString()));
    }
    assertTrue(sources.size() > 4, sources.toString());
    assertTrue(actual.keySet().containsAll(sources), actual.keySet().toString());
    assertTrue(actual.containsKey("avatarl/py.typed"));
  }

  private static byte[] sha256(Path file) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
      in.transferTo(java.io.OutputStream.nullOutputStream());
    }
    return digest.digest();
  }

  /** The example of the manual, with nothing of the project but the wheel that pip installed. */
  @Test
  void tenLinesOfTheManualRunWithNothingElse() throws Exception {
    String version = System.getProperty("avatarl.spark.version");
    assumeTrue(version.startsWith("4."), "the tests' PySpark is 4.0, not " + version);
    String python =
        PythonVenv.with("notebook-venv", "import pyspark, pandas", "-r notebooks/requirements.txt");
    Path site = folder.resolve("site");
    run(
        Map.of(),
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        site.toString(),
        only("avatarl_spark-*.whl").toString());
    Matcher example = EXAMPLE.matcher(Files.readString(Path.of("docs/library.md")));
    assertTrue(example.find());
    Path script = Files.writeString(folder.resolve("ten_lines.py"), example.group(1));
    String said = run(Map.of("PYTHONPATH", site.toString()), python, script.toString());
    for (String part : List.of("preset     smoke, seed 1", "val_ce|", "reward|", "|The king")) {
      assertTrue(said.contains(part), part + " is not in: " + said);
    }
  }

  private String run(Map<String, String> variables, String... command) throws Exception {
    Path log = folder.resolve("log.txt");
    ProcessBuilder process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    Map<String, String> environment = new HashMap<>(process.environment());
    List.of("AVATARL_JAR", "AVATARL_CORPUS", "SPARK_HOME", "PYTHONPATH")
        .forEach(environment::remove);
    process.environment().keySet().retainAll(environment.keySet());
    process.environment().putAll(variables);
    Process started = process.start();
    boolean ended = PythonVenv.ends(started, SECONDS, TimeUnit.SECONDS);
    String text = Files.readString(log);
    assertTrue(ended, text);
    assertEquals(0, started.exitValue(), text);
    return text;
  }
}
