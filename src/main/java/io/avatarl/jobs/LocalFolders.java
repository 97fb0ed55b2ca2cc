package io.avatarl.jobs;

import io.avatarl.config.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.apache.spark.SparkConf;

/** The folders that Spark creates on the driver's machine. */
final class LocalFolders {
  private static final String SETTING = "spark.local.dir";
  private static final String VARIABLE = "SPARK_LOCAL_DIRS";

  private LocalFolders() {}

  /** Spark's warehouse folder, one per process. */
  static Path warehouse() {
    return Path.of(
        System.getProperty("java.io.tmpdir"), "avatarl-warehouse-" + ProcessHandle.current().pid());
  }

  /**
   * Checks Spark's folders for temporary files: without a writable one, Spark ends the JVM with no
   * message.
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
        // Try the next one.
      }
    }
    throw new UserError(
        (variable != null ? VARIABLE : SETTING)
            + ": Spark cannot write into any of its folders for temporary files ("
            + folders
            + "); name one with free space: --conf spark.local.dir=DIR or SPARK_LOCAL_DIRS");
  }
}
