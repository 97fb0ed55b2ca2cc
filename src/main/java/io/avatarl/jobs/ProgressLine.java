package io.avatarl.jobs;

import java.util.List;

/** One line of progress that fits the terminal: the facts, and a bar in the remaining space. */
final class ProgressLine {
  private static final int SMALLEST_BAR = 5;
  private static final int LARGEST_BAR = 40;
  private static final String GAP = "  ";
  private static final String NARROW_GAP = " ";

  private ProgressLine() {}

  /**
   * @param facts what follows the bar, most important first; the last ones are left out if the line
   *     is too short
   * @param width columns
   */
  static String render(long step, long steps, List<String> facts, int width) {
    String head = head(step, steps);
    String gap = plain(step, steps, facts).length() <= width ? GAP : NARROW_GAP;
    StringBuilder tail = new StringBuilder();
    for (String fact : facts) {
      if (head.length() + tail.length() + gap.length() + fact.length() > width) {
        break;
      }
      tail.append(gap).append(fact);
    }
    int bar = Math.min(LARGEST_BAR, width - head.length() - tail.length() - " []".length());
    if (bar < SMALLEST_BAR) {
      return head + tail;
    }
    int done = steps == 0 ? bar : (int) (bar * step / steps);
    return head + " [" + "=".repeat(done) + " ".repeat(bar - done) + "]" + tail;
  }

  /** A line of any length, without a bar. */
  static String plain(long step, long steps, List<String> facts) {
    return head(step, steps) + GAP + String.join(GAP, facts);
  }

  private static String head(long step, long steps) {
    String total = Long.toString(steps);
    return "step " + " ".repeat(total.length() - Long.toString(step).length()) + step + "/" + total;
  }
}
