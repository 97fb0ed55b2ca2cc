package io.avatarl.jobs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.train.Runs;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;

/**
 * The report: {@code report.html} next to this class, with the chart library and the runs' data
 * embedded. The page loads nothing else, and never interprets text from corpora and models as HTML.
 */
final class ReportPage {
  private static final String LIBRARY = "org.webjars.npm/chart.js";
  private static final String LIBRARY_PLACE = "{{library}}";
  private static final String DATA_PLACE = "{{data}}";

  private ReportPage() {}

  /** Writes a page about one or more runs, in the same charts. */
  static void write(Storage storage, List<String> folders, String file) {
    storage.writeString(file, html(data(storage, folders)));
  }

  /**
   * The data of a page or a picture: the array {@code runs} of {@link RunRecord}s, and the array
   * {@code lines} of yardsticks, each with {@code name}, {@code ce} and {@code accuracy}.
   *
   * @param folders of runs, yardsticks (shown as lines), or comparisons, which contain both
   * @throws UserError if there is no run
   */
  static ObjectNode data(Storage storage, List<String> folders) {
    ObjectNode data = JsonNodeFactory.instance.objectNode();
    ArrayNode runs = data.putArray("runs");
    ArrayNode lines = data.putArray("lines");
    for (String folder : folders) {
      if (!add(storage, folder, runs, lines) && !addAll(storage, folder, runs, lines)) {
        throw new UserError(
            folder
                + ": holds no run; name the folder that jobs/train.sh or jobs/compare.sh printed");
      }
    }
    if (runs.isEmpty()) {
      throw new UserError(folders.get(0) + ": holds no run yet");
    }
    return data;
  }

  private static boolean add(Storage storage, String folder, ArrayNode runs, ArrayNode lines) {
    if (Runs.exists(storage, folder)) {
      runs.add(RunRecord.read(storage, folder));
      return true;
    }
    String yardstick = Storage.resolve(folder, CompareJob.YARDSTICK_FILE);
    if (storage.exists(yardstick)) {
      JsonNode row = RunRecord.parse(yardstick, storage.readString(yardstick));
      lines
          .addObject()
          .put("name", row.path("name").asText())
          .put("ce", row.path("val_ce").asDouble())
          .put("accuracy", row.path("val_accuracy").asDouble());
      return true;
    }
    return false;
  }

  /** Adds the runs and lines of a comparison's folder. */
  private static boolean addAll(Storage storage, String folder, ArrayNode runs, ArrayNode lines) {
    boolean any = false;
    if (storage.exists(folder)) {
      for (String name : storage.list(folder)) {
        any |= add(storage, Storage.resolve(folder, name), runs, lines);
      }
    }
    return any;
  }

  static String html(ObjectNode data) {
    // The data comes last, so that nothing in it is replaced.
    return resource("report.html")
        .replace(LIBRARY_PLACE, library())
        .replace(DATA_PLACE, embeddable(data.toString()));
  }

  /** JSON that an HTML parser cannot take for markup, whatever its strings contain. */
  static String embeddable(String json) {
    return json.replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029");
  }

  private static String library() {
    Properties properties = new Properties();
    try (InputStream in =
        ReportPage.class.getResourceAsStream("/META-INF/maven/" + LIBRARY + "/pom.properties")) {
      properties.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String file = "chart.js/" + properties.getProperty("version") + "/dist/chart.umd.min.js";
    // Browsers' tools would request the source map, which is not in the page.
    return resource("/META-INF/resources/webjars/" + file)
        .replaceAll("(?m)^//# sourceMappingURL=.*$", "");
  }

  private static String resource(String name) {
    try (InputStream in = ReportPage.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
