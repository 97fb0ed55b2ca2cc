package io.avatarl.jobs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.train.RunFiles;
import io.avatarl.train.Runs;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The report: {@code report.html} next to this class, with the chart library and the runs' data
 * embedded. The page loads nothing else, and never interprets text from corpora and models as HTML.
 */
final class ReportPage {
  private static final String LIBRARY = "org.webjars.npm/chart.js";
  private static final String LIBRARY_PLACE = "{{library}}";
  private static final String DATA_PLACE = "{{data}}";

  /** Most runs on a page. */
  static final int MOST = 100;

  private static final double WORST = Double.POSITIVE_INFINITY;

  private ReportPage() {}

  /** Writes a page about one or more runs, in the same charts. */
  static void write(Storage storage, List<String> folders, String file) {
    storage.writeString(file, html(data(storage, folders)));
  }

  /**
   * The data of a page or a picture: the array {@code runs} of {@link RunRecord}s, and the array
   * {@code lines} of yardsticks, each with {@code name}, {@code ce} and {@code accuracy}. Of more
   * than {@value #MOST} runs those with the lowest cross-entropy are shown, and {@code left_out}
   * counts the others.
   *
   * @param folders of runs, yardsticks (shown as lines), or comparisons, which contain both
   * @throws UserError if there is no run
   */
  static ObjectNode data(Storage storage, List<String> folders) {
    ObjectNode data = JsonNodeFactory.instance.objectNode();
    ArrayNode lines = JsonNodeFactory.instance.arrayNode();
    List<String> found = new ArrayList<>();
    for (String folder : folders) {
      if (!find(storage, folder, found, lines) && !findAll(storage, folder, found, lines)) {
        throw new UserError(
            folder
                + ": holds no run; name the folder that jobs/train.sh or jobs/compare.sh printed");
      }
    }
    if (found.isEmpty()) {
      throw new UserError(folders.get(0) + ": holds no run yet");
    }
    List<String> shown = best(storage, found);
    ArrayNode runs = data.putArray("runs");
    shown.forEach(run -> runs.add(RunRecord.read(storage, run)));
    data.set("lines", lines);
    data.put("left_out", found.size() - shown.size());
    return data;
  }

  /** The best {@value #MOST} in their given order; unfinished ones last. */
  private static List<String> best(Storage storage, List<String> found) {
    if (found.size() <= MOST) {
      return found;
    }
    Map<String, Double> scores = new HashMap<>();
    for (String run : found) {
      JsonNode score = RunRecord.json(storage, run, RunFiles.SUMMARY).path("val_ce");
      scores.put(run, score.isNumber() ? score.asDouble() : WORST);
    }
    Set<String> best =
        found.stream()
            .sorted(Comparator.comparing(scores::get))
            .limit(MOST)
            .collect(Collectors.toSet());
    return found.stream().filter(best::contains).toList();
  }

  private static boolean find(Storage storage, String folder, List<String> runs, ArrayNode lines) {
    if (Runs.exists(storage, folder)) {
      runs.add(folder);
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

  /** Finds the runs and lines of a comparison's folder. */
  private static boolean findAll(
      Storage storage, String folder, List<String> runs, ArrayNode lines) {
    boolean any = false;
    if (storage.exists(folder)) {
      for (String name : storage.list(folder)) {
        any |= find(storage, Storage.resolve(folder, name), runs, lines);
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
