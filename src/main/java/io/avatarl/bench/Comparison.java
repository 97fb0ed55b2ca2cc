package io.avatarl.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What became slower since an earlier bench: figures whose runs are all worse than every run of
 * then. Figures of yardsticks are left out, but not those that compare with one.
 */
public final class Comparison {
  private Comparison() {}

  /**
   * The slower figures as a table.
   *
   * @param then the earlier bench.json
   * @param now this one's
   */
  public static Results.Section slower(JsonNode then, JsonNode now) {
    Results.Section found =
        new Results.Section(
            "Slower than in the earlier bench by more than the spread",
            "what",
            "then",
            "now",
            "by %");
    int compared = 0;
    for (JsonNode table : now.path("tables")) {
      JsonNode earlier = named(then.path("tables"), "title", table.path("title").asText());
      for (JsonNode row : table.path("rows")) {
        String name = row.elements().next().asText();
        String key = row.fieldNames().next();
        JsonNode before = named(earlier.path("rows"), key, name);
        for (Map.Entry<String, JsonNode> cell : row.properties()) {
          Optional<Boolean> higher = higherIsBetter(row, name, cell.getKey());
          JsonNode was = before.path(cell.getKey());
          if (higher.isEmpty() || !cell.getValue().has("median") || !was.has("median")) {
            continue;
          }
          compared++;
          double factor = higher.get() ? -1 : 1;
          double best = Math.min(factor * number(cell, "min"), factor * number(cell, "max"));
          double worst = Math.max(factor * of(was, "min"), factor * of(was, "max"));
          if (best > worst) {
            double ratio = number(cell, "median") / of(was, "median");
            found.add(
                table.path("title").asText().replaceAll("[:,(].*", "").strip()
                    + ": "
                    + name
                    + (row.size() > 2 ? ", " + cell.getKey() : ""),
                of(was, "median"),
                number(cell, "median"),
                100 * ((higher.get() ? 1 / ratio : ratio) - 1));
          }
        }
      }
    }
    found.notes().add(compared + " figures compared, " + found.rows().size() + " slower");
    if (!then.path("machine").path("processor").equals(now.path("machine").path("processor"))) {
      found
          .notes()
          .add(
              "the earlier bench ran on another processor: "
                  + then.path("machine").path("processor").asText());
    }
    return found;
  }

  private static JsonNode named(JsonNode items, String key, String name) {
    for (JsonNode item : items) {
      if (item.path(key).asText().equals(name)) {
        return item;
      }
    }
    return com.fasterxml.jackson.databind.node.MissingNode.getInstance();
  }

  private static double number(Map.Entry<String, JsonNode> cell, String figure) {
    return of(cell.getValue(), figure);
  }

  private static double of(JsonNode spread, String figure) {
    return spread.path(figure).asDouble();
  }

  /** By the words of the table; empty for what is neither speed nor cost, and for yardsticks. */
  private static Optional<Boolean> higherIsBetter(JsonNode row, String name, String column) {
    boolean yardstick =
        name.matches("(PyTorch|plain DJL|one (forward|window) per|matrix products|memory copies).*")
            || column.startsWith("PyTorch")
            || name.startsWith("groups/s, if");
    if (yardstick) {
      return Optional.empty();
    }
    String words =
        String.join(" ", name, column, row.path("unit").asText()).toLowerCase(Locale.ROOT);
    if (words.matches(".*\\bper (token|group)\\b.*|.* ms\\b.*|.*µs.*|.*time .*|transfer.*")) {
      return Optional.of(false);
    }
    return words.contains("/s") ? Optional.of(true) : Optional.empty();
  }
}
