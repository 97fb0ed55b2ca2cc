package io.avatarl.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Results in tables, as text and as JSON. */
public final class Results {
  private static final String GAP = "  ";
  private static final ObjectMapper JSON =
      new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  private final Map<String, Object> machine;
  private final List<Section> sections = new ArrayList<>();

  /**
   * @param machine properties of the machine, by name
   */
  public Results(Map<String, Object> machine) {
    this.machine = machine;
  }

  /**
   * A table. A cell is a {@link Spread}, a number, a text, or null.
   *
   * @param notes remarks for the reader, one sentence each
   */
  public record Section(
      String title, List<String> columns, List<List<Object>> rows, List<String> notes) {
    public Section(String title, String... columns) {
      this(title, List.of(columns), new ArrayList<>(), new ArrayList<>());
    }

    public void add(Object... cells) {
      List<Object> row = new ArrayList<>();
      for (int i = 0; i < columns.size(); i++) {
        row.add(i < cells.length ? cells[i] : null);
      }
      rows.add(row);
    }
  }

  public void add(Section section) {
    sections.add(section);
  }

  /** A table as lines of text; a spread is shown as its median with (min – max). */
  public static List<String> lines(Section section) {
    List<List<String>> cells = new ArrayList<>();
    cells.add(section.columns());
    section.rows().forEach(row -> cells.add(row.stream().map(Results::text).toList()));
    int columns = section.columns().size();
    int[] widths = new int[columns];
    boolean[] right = new boolean[columns];
    for (int i = 0; i < columns; i++) {
      int column = i;
      widths[i] = cells.stream().mapToInt(row -> row.get(column).length()).max().orElse(0);
      right[i] =
          section.rows().stream()
              .map(row -> row.get(column))
              .allMatch(cell -> cell == null || cell instanceof Number || cell instanceof Spread);
    }
    List<String> lines = new ArrayList<>();
    lines.add(section.title());
    for (List<String> row : cells) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < columns; i++) {
        String space = " ".repeat(widths[i] - row.get(i).length());
        line.append(GAP).append(right[i] ? space + row.get(i) : row.get(i) + space);
      }
      lines.add(line.toString().stripTrailing());
    }
    section.notes().forEach(note -> lines.add(GAP + "* " + note));
    return lines;
  }

  private static String text(Object cell) {
    if (cell == null) {
      return "";
    }
    if (cell instanceof Spread spread) {
      return spread.values().size() == 1
          ? number(spread.median())
          : number(spread.median())
              + " ("
              + number(spread.min())
              + " – "
              + number(spread.max())
              + ")";
    }
    return cell instanceof Number n ? number(n.doubleValue()) : cell.toString();
  }

  /** Four significant digits; whole numbers without decimals. */
  static String number(double value) {
    double size = Math.abs(value);
    if (value == Math.rint(value) && size < 1e15 || size >= 1000) {
      return String.format(Locale.ROOT, "%,.0f", value);
    }
    int decimals = size >= 100 ? 1 : size >= 10 ? 2 : size >= 0.1 ? 3 : 5;
    return String.format(Locale.ROOT, "%." + decimals + "f", value);
  }

  /** All tables; each row is an object with the columns' names as keys. */
  public String toJson() {
    List<Map<String, Object>> tables = new ArrayList<>();
    for (Section section : sections) {
      List<Map<String, Object>> rows = new ArrayList<>();
      for (List<Object> row : section.rows()) {
        Map<String, Object> named = new LinkedHashMap<>();
        for (int i = 0; i < row.size(); i++) {
          if (row.get(i) != null) {
            named.put(section.columns().get(i), row.get(i));
          }
        }
        rows.add(named);
      }
      Map<String, Object> table = new LinkedHashMap<>();
      table.put("title", section.title());
      table.put("rows", rows);
      table.put("notes", section.notes());
      tables.add(table);
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("machine", machine);
    all.put("tables", tables);
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(all) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
