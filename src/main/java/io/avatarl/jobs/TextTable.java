package io.avatarl.jobs;

import java.util.ArrayList;
import java.util.List;

/** Text in columns: no line is longer than the width, and no character moves the cursor. */
public final class TextTable {
  private static final String GAP = "  ";
  private static final int NARROWEST = 6;

  private final int width;
  private final List<String> header;
  private final List<List<String>> rows = new ArrayList<>();

  /**
   * @param width of the whole table, in characters
   */
  public TextTable(int width, List<String> header) {
    this.width = width;
    // Spaces in a heading stay spaces.
    this.header = header.stream().map(name -> visible(name).replace('␣', ' ')).toList();
  }

  public void add(List<String> cells) {
    rows.add(cells);
  }

  /** White space as symbols (␣ ↵ ⇥), and control characters as their pictures. */
  static String visible(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case ' ' -> out.append('␣');
                case '\n' -> out.append('↵');
                case '\t' -> out.append('⇥');
                default -> Terminal.append(out, c);
              }
            });
    return out.toString();
  }

  /**
   * The header, a rule and the rows; cells that are too long lose their beginning. If the headings
   * do not fit, each row is a paragraph with one line per column.
   */
  public List<String> lines() {
    int headings = GAP.length() * (header.size() - 1);
    for (String heading : header) {
      headings += length(heading);
    }
    return headings > width ? paragraphs() : columns();
  }

  private List<String> paragraphs() {
    int longest = header.stream().mapToInt(TextTable::length).max().orElse(0);
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      if (!lines.isEmpty()) {
        lines.add("");
      }
      for (int i = 0; i < row.size(); i++) {
        String space = " ".repeat(longest - length(header.get(i)));
        lines.add((header.get(i) + space + GAP + row.get(i)).stripTrailing());
      }
    }
    return lines;
  }

  private List<String> columns() {
    int[] widths = widths();
    List<String> lines = new ArrayList<>();
    boolean[] right = new boolean[widths.length];
    for (int i = 0; i < widths.length; i++) {
      int column = i;
      right[i] = !rows.isEmpty() && rows.stream().allMatch(row -> numeric(row.get(column)));
    }
    lines.add(line(header, widths, right));
    List<String> rule = new ArrayList<>();
    for (int w : widths) {
      rule.add("-".repeat(w));
    }
    lines.add(line(rule, widths, right));
    rows.forEach(row -> lines.add(line(row, widths, right)));
    return lines;
  }

  /** Column widths: as wide as the content; the widest columns shrink until the table fits. */
  private int[] widths() {
    int[] widths = new int[header.size()];
    for (int i = 0; i < widths.length; i++) {
      widths[i] = length(header.get(i));
      for (List<String> row : rows) {
        widths[i] = Math.max(widths[i], length(row.get(i)));
      }
    }
    int total = GAP.length() * (widths.length - 1);
    for (int w : widths) {
      total += w;
    }
    while (total > width) {
      int widest = 0;
      for (int i = 1; i < widths.length; i++) {
        widest = widths[i] > widths[widest] ? i : widest;
      }
      if (widths[widest] <= NARROWEST) {
        break;
      }
      widths[widest]--;
      total--;
    }
    return widths;
  }

  private static String line(List<String> cells, int[] widths, boolean[] right) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      String cell = cells.get(i);
      int length = length(cell);
      if (length > widths[i]) {
        cell = "…" + cell.substring(cell.offsetByCodePoints(cell.length(), -(widths[i] - 1)));
        length = widths[i];
      }
      String space = " ".repeat(widths[i] - length);
      line.append(i == 0 ? "" : GAP).append(right[i] ? space + cell : cell + space);
    }
    return line.toString().stripTrailing();
  }

  private static boolean numeric(String cell) {
    return cell.matches("[-+]?\\d[\\d.,eE+-]*|–");
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }
}
