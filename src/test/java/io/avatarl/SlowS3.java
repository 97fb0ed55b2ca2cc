package io.avatarl;

import io.avatarl.files.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * For measurements by hand: serves a folder as {@code s3a://avatarl/NAME} with a latency for each
 * request, until its standard input ends. Then it says how many requests came.
 *
 * <p>Arguments: milliseconds, the folder, and a folder for {@code core-site.xml}, which {@code
 * HADOOP_CONF_DIR} of the measured command names.
 */
final class SlowS3 {
  private SlowS3() {}

  public static void main(String[] arguments) throws Exception {
    Path folder = Path.of(arguments[1]);
    Path site = Files.createDirectories(Path.of(arguments[2])).resolve("core-site.xml");
    try (S3Server server = new S3Server()) {
      Files.writeString(site, site(server.settingsWithKeys()));
      Storage storage = new Storage(server.client());
      for (Path file : files(folder)) {
        storage.writeBytes(
            "s3a://" + S3Server.BUCKET + "/" + folder.getParent().relativize(file),
            Files.readAllBytes(file));
      }
      long before = server.proxy().requests();
      server.proxy().delay(Long.parseLong(arguments[0]));
      System.out.println("serves s3a://" + S3Server.BUCKET + "/" + folder.getFileName());
      while (System.in.read() >= 0) {
        continue;
      }
      System.out.println(server.proxy().requests() - before + " requests");
    }
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile).toList();
    }
  }

  private static String site(Map<String, String> settings) {
    return settings.entrySet().stream()
        .map(
            entry ->
                "<property><name>"
                    + entry.getKey().replace("spark.hadoop.", "")
                    + "</name><value>"
                    + entry.getValue()
                    + "</value></property>")
        .collect(Collectors.joining("\n", "<configuration>\n", "\n</configuration>\n"));
  }
}
