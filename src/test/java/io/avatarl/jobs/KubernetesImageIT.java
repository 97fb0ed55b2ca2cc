package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The steps of jobs/kubernetes/Dockerfile in a folder: what they put into Spark's own image. */
class KubernetesImageIT {
  @TempDir private Path folder;

  private record Ended(int code, String output) {}

  private static Ended image(String... arguments) throws IOException, InterruptedException {
    List<String> command =
        Stream.concat(Stream.of("jobs/kubernetes/image.sh"), Stream.of(arguments)).toList();
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes());
    return new Ended(process.waitFor(), output);
  }

  private static Set<String> jars(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  private static String artifact(String jar) {
    return jar.replaceFirst("-\\d.*", "");
  }

  @Test
  void theJobAndTheClientForS3ComeOnTopOfSparksOwnJars() throws Exception {
    assumeTrue(System.getProperty("avatarl.spark").equals("4.0"), "the image is of Spark 4.0");
    Path built = Path.of(System.getProperty("avatarl.build"), "spark-home/jars");
    Set<String> all = jars(built);
    assumeTrue(
        all.stream().anyMatch(jar -> jar.startsWith("hadoop-aws-")),
        "the client for S3 did not come with the build");
    // Spark's image: another patch version of each jar, and none of the client.
    Path spark = Files.createDirectories(folder.resolve("spark/jars")).getParent();
    Set<String> client =
        Set.of("hadoop-aws", "s3", "s3-transfer-manager", "sts", "auth", "sdk-core");
    Set<String> own = new TreeSet<>();
    for (String jar : all) {
      if (jar.matches("(spark|hadoop-client|netty|jackson)-.*")) {
        own.add(artifact(jar));
      }
    }
    for (String artifact : own) {
      Files.createFile(spark.resolve("jars/" + artifact + "-9.9.9.jar"));
    }
    assertEquals(new Ended(0, ""), image("install", spark.toString()));
    Set<String> there = jars(spark.resolve("jars"));
    Set<String> artifacts =
        there.stream().map(KubernetesImageIT::artifact).collect(Collectors.toSet());
    assertEquals(
        own.stream().map(artifact -> artifact + "-9.9.9.jar").collect(Collectors.toSet()),
        there.stream().filter(jar -> own.contains(artifact(jar))).collect(Collectors.toSet()),
        "Spark's own stay alone");
    assertTrue(artifacts.containsAll(client), () -> artifacts.toString());
    assertFalse(artifacts.contains("bundle"));
    assertTrue(Files.size(spark.resolve("avatarl/avatarl-spark-job.jar")) > 50_000_000);
    assertTrue(Files.isExecutable(spark.resolve("avatarl/gpu-discovery.sh")));
    assertTrue(Files.exists(spark.resolve("conf/log4j2.properties")));
    // A second time changes nothing.
    assertEquals(new Ended(0, ""), image("install", spark.toString()));
    assertEquals(there, jars(spark.resolve("jars")));
  }

  @Test
  void whatIsMissingIsOneLine() throws Exception {
    Ended ended = image("install", folder.resolve("nowhere").toString());
    assertEquals(2, ended.code());
    assertEquals(1, ended.output().lines().count(), ended.output());
    assertThat(ended.output()).contains("has no folder jars");
    assertEquals(2, image().code());
  }
}
