package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * What is in the job's jar. A cluster has it on one class path with Spark and whatever the platform
 * adds, whose classes win: nothing in it may have a name that somebody else's library has.
 */
class JobJarIT {
  /** Ours, and what cannot be renamed because native code calls it by name. */
  private static final List<String> NAMES = List.of("io/avatarl/", "ai/djl/", "com/sun/jna/");

  static final Path BUILD = Path.of(System.getProperty("avatarl.build"));

  private static Path jar() throws IOException {
    try (DirectoryStream<Path> jars = Files.newDirectoryStream(BUILD, "avatarl-spark-*-job.jar")) {
      return jars.iterator().next();
    }
  }

  /** Names of classes, also those for newer Java versions, as paths. */
  private static Set<String> classes(Path jar) throws IOException {
    try (JarFile file = new JarFile(jar.toFile())) {
      return file.stream()
          .map(entry -> entry.getName().replaceFirst("^META-INF/versions/\\d+/", ""))
          .filter(name -> name.endsWith(".class"))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  @Test
  void hasNoNamesOfOtherLibraries() throws IOException {
    Set<String> foreign = classes(jar());
    foreign.removeIf(name -> NAMES.stream().anyMatch(name::startsWith));
    assertEquals(Set.of(), foreign);
  }

  @Test
  void hasNoClassOfSpark() throws IOException {
    Set<String> ours = classes(jar());
    assertThat(ours).contains("io/avatarl/shaded/gson/Gson.class");
    int jars = 0;
    try (var files =
        Files.newDirectoryStream(BUILD.resolve("spark-home").resolve("jars"), "*.jar")) {
      for (Path file : files) {
        jars++;
        Set<String> both = classes(file);
        both.retainAll(ours);
        assertEquals(Set.of(), both, file.toString());
      }
    }
    assertTrue(jars > 100, "only " + jars + " jars of Spark");
  }

  @Test
  void holdsWhatAClusterHasNot() throws IOException {
    try (JarFile file = new JarFile(jar().toFile())) {
      for (String name :
          List.of(
              "presets/maxrl.conf",
              "io/avatarl/config/reference.conf",
              "native/lib/linux-x86_64/cpu/libtokenizers.so",
              "jnilib/linux-x86_64/cpu/libdjl_torch.so",
              "pytorch/cpu/linux-x86_64/libtorch_cpu.so")) {
        assertTrue(file.getEntry(name) != null, name);
      }
    }
  }
}
