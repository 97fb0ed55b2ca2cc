package io.avatarl.jobs;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;

/**
 * The report: {@code report.html} beside this class, with the chart library and the runs' data
 * written into it. The page asks for nothing else, and shows text from corpora and models as text.
 */
final class ReportPage {
  private static final String LIBRARY = "org.webjars.npm/chart.js";
  private static final String LIBRARY_PLACE = "{{library}}";
  private static final String DATA_PLACE = "{{data}}";

  private ReportPage() {}

  /** Writes a page about one run or several, laid over each other. */
  static void write(Storage storage, List<String> runs, String file) {
    ObjectNode data = JsonNodeFactory.instance.objectNode();
    ArrayNode records = data.putArray("runs");
    runs.forEach(run -> records.add(RunRecord.read(storage, run)));
    storage.writeString(file, html(data));
  }

  static String html(ObjectNode data) {
    // The data comes last: what stands in it is not replaced.
    return resource("report.html")
        .replace(LIBRARY_PLACE, library())
        .replace(DATA_PLACE, embeddable(data.toString()));
  }

  /** JSON that no HTML parser takes for markup, whatever its strings hold. */
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
    // Its source map is not in the page, and a browser's tools would ask for it.
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
