package io.avatarl.jobs;

import io.avatarl.config.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.apache.spark.SparkConf;

/** The folders that Spark makes on the driver's machine, wherever a run's own files lie. */
final class LocalFolders {
  private static final String SETTING = "spark.local.dir";
  private static final String VARIABLE = "SPARK_LOCAL_DIRS";

  private LocalFolders() {}

  /** Spark's folder of tables: one for each process, and so for each session of ours. */
  static Path warehouse() {
    return Path.of(
        System.getProperty("java.io.tmpdir"), "avatarl-warehouse-" + ProcessHandle.current().pid());
  }

  /**
   * Spark ends the JVM, with a code and no word, where it finds no folder to write into.
   *
   * @throws UserError that names the setting
   */
  static void requireScratch(SparkConf asked) {
    String variable = System.getenv(VARIABLE);
    String folders =
        variable != null ? variable : asked.get(SETTING, System.getProperty("java.io.tmpdir"));
    for (String folder : folders.split(",")) {
      try {
        Path path = Files.createDirectories(Path.of(folder.strip()));
        Files.delete(Files.createTempFile(path, "avatarl-probe", ""));
        return;
      } catch (IOException | InvalidPathException e) {
        // The next one may do.
      }
    }
    throw new UserError(
        (variable != null ? VARIABLE : SETTING)
            + ": Spark can write into none of its folders for temporary files ("
            + folders
            + "); name one with room by --conf spark.local.dir=DIR or SPARK_LOCAL_DIRS");
  }
}
