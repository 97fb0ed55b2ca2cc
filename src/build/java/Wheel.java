import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDateTime;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Packs the Python package and the job's jar into a wheel, which is a zip with a list of checksums
 * (<a
 * href="https://packaging.python.org/en/latest/specifications/binary-distribution-format/">binary
 * distribution format</a>), so that the build needs no Python. Run by Maven: {@code java Wheel.java
 * VERSION SPARK_VERSION JAR FOLDER}, in the project's folder.
 */
final class Wheel {
  private static final String NAME = "avatarl_spark";

  /** The jar has natives of this platform alone. */
  private static final String TAG = "py3-none-linux_x86_64";

  private static final String METADATA =
      """
      Metadata-Version: 2.1
      Name: avatarl-spark
      Version: %s
      Summary: Language models trained from scratch by reinforcement learning on Apache Spark
      License: Apache-2.0
      Requires-Python: >=3.9
      Provides-Extra: spark
      Requires-Dist: pyspark%s; extra == "spark"

      avatarl on Spark from Python, with the job's jar. Needs JDK 17 and PySpark (built for Spark %s).
      """;

  private final ZipOutputStream zip;
  private final StringBuilder record = new StringBuilder();

  private Wheel(ZipOutputStream zip) {
    this.zip = zip;
  }

  public static void main(String[] arguments) throws IOException {
    String version = arguments[0].replace("-SNAPSHOT", ".dev0");
    String spark = arguments[1];
    Path jar = Path.of(arguments[2]);
    Path folder = Path.of(arguments[3]);
    try (Stream<Path> files = Files.list(folder)) {
      for (Path old :
          files.filter(f -> f.getFileName().toString().matches(NAME + "-.*")).toList()) {
        Files.delete(old);
      }
    }
    Path wheel = folder.resolve(NAME + "-" + version + "-" + TAG + ".whl");
    Path half = folder.resolve(wheel.getFileName() + ".part");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(half))) {
      new Wheel(zip).write(version, spark, jar);
    }
    Files.move(half, wheel, StandardCopyOption.ATOMIC_MOVE);
  }

  private void write(String version, String spark, Path jar) throws IOException {
    Path sources = Path.of("src/main/python");
    try (Stream<Path> files = Files.walk(sources.resolve("avatarl"))) {
      List<Path> all =
          files.filter(file -> file.toString().matches(".*(\\.py|/py\\.typed)")).sorted().toList();
      for (Path file : all) {
        add(sources.relativize(file).toString(), Files.newInputStream(file), true);
      }
    }
    add(
        "avatarl/_build.py",
        """
        VERSION = "%s"
        SPARK = "%s"
        """
            .formatted(version, spark));
    Path defaults = Path.of("conf/spark-defaults.conf");
    add("avatarl/" + defaults.getFileName(), Files.newInputStream(defaults), true);
    add("avatarl/jars/" + jar.getFileName(), Files.newInputStream(jar), false);
    String about = NAME + "-" + version + ".dist-info/";
    add(about + "LICENSE", Files.newInputStream(Path.of("LICENSE")), true);
    String pyspark = spark.startsWith("3.5") ? ">=3.5,<3.6" : ">=4.0,<5";
    add(about + "METADATA", METADATA.formatted(version, pyspark, spark));
    add(
        about + "WHEEL",
        """
        Wheel-Version: 1.0
        Generator: avatarl
        Root-Is-Purelib: true
        Tag: %s
        """
            .formatted(TAG));
    record.append(about).append("RECORD,,\n");
    add(about + "RECORD", record.toString());
  }

  private void add(String path, String text) throws IOException {
    add(path, new ByteArrayInputStream(text.getBytes(UTF_8)), true);
  }

  /**
   * @param packed whether compressing it gains something: the jar is packed already
   */
  private void add(String path, InputStream content, boolean packed) throws IOException {
    ZipEntry entry = new ZipEntry(path);
    entry.setTimeLocal(LocalDateTime.of(2026, 1, 1, 0, 0)); // The same files, the same wheel.
    zip.setLevel(packed ? Deflater.DEFAULT_COMPRESSION : Deflater.NO_COMPRESSION);
    zip.putNextEntry(entry);
    MessageDigest digest = sha256();
    long bytes;
    try (content) {
      bytes = content.transferTo(new DigestOutputStream(zip, digest));
    }
    zip.closeEntry();
    record
        .append(path)
        .append(",sha256=")
        .append(Base64.getUrlEncoder().withoutPadding().encodeToString(digest.digest()))
        .append(',')
        .append(bytes)
        .append('\n');
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
