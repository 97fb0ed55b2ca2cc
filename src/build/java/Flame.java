import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Draws collapsed stacks, "frame;frame;frame count" by line with the root first, as a flame graph:
 * java Flame.java STACKS SVG TITLE. Width is a share of all samples. Of the frames between threads
 * and this project only the outermost of each library is drawn.
 */
final class Flame {
  private static final int WIDTH = 1180;
  private static final int ROW = 17;
  private static final int ROWS = 14;
  private static final int TOP = 34;
  private static final double NARROWEST = 2; // pixels
  private static final String COMPILER = "JIT compiler";
  private static final List<String> LIBRARIES = List.of("spark", "parquet", "hadoop", "DJL");

  /** Frames with the same callers. */
  private static final class Node {
    private final Map<String, Node> callees = new TreeMap<>();
    private long samples;

    /** Rows of what is wide enough to be drawn. */
    private int depth() {
      return samples * pixels < NARROWEST
          ? 0
          : 1 + callees.values().stream().mapToInt(Node::depth).max().orElse(0);
    }
  }

  private static final Set<String> OWN = new HashSet<>(); // this project's frames
  private static final StringBuilder SVG = new StringBuilder();
  private static double pixels;
  private static long all;
  private static int bottom;

  public static void main(String[] args) throws IOException {
    Node root = new Node();
    for (String line : Files.readAllLines(Path.of(args[0]))) {
      int space = line.lastIndexOf(' ');
      long count = Long.parseLong(line.substring(space + 1));
      Node node = root;
      node.samples += count;
      String last = "";
      int depth = 0;
      for (String frame : line.substring(0, space).split(";")) {
        String name = name(frame);
        if (!name.isEmpty() && !name.equals(last) && depth < ROWS) {
          depth++;
          node = node.callees.computeIfAbsent(name, n -> new Node());
          node.samples += count;
          last = name;
        }
        if (name.equals(COMPILER)) {
          break;
        }
      }
    }
    all = root.samples;
    pixels = (double) WIDTH / all;
    int height = TOP + (root.depth() - 1) * ROW + 6;
    bottom = height - 6 - ROW;
    SVG.append(
        String.format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-size=\"11\""
                + " font-family=\"sans-serif\">%n<rect width=\"100%%\" height=\"100%%\""
                + " fill=\"#fff\"/>%n<text x=\"6\" y=\"20\" font-size=\"14\">%s</text>%n",
            WIDTH, height, escaped(args[2] + ", " + all + " samples")));
    double x = 0;
    for (Map.Entry<String, Node> thread : root.callees.entrySet()) {
      draw(thread.getKey(), thread.getValue(), x, 0);
      x += thread.getValue().samples * pixels;
    }
    Files.writeString(Path.of(args[1]), SVG.append("</svg>\n"));
  }

  /** What is drawn for a frame; empty: nothing. */
  private static String name(String frame) {
    if (frame.matches("\\[C[12N] Compiler.*")) {
      return COMPILER;
    }
    if (frame.startsWith("[")) { // a thread
      return frame.replaceAll(" tid=\\d+|[-_ ]?\\d+(\\.\\d+)*", "").replaceAll("^\\[|\\]$", "");
    }
    String plain = frame.replaceAll("_\\[[a-zA-Z0-9]\\]$", "");
    if (plain.startsWith("io/avatarl/")) {
      String own = plain.substring(plain.lastIndexOf('/') + 1);
      own = own.replaceAll("\\$\\$Lambda.*|lambda\\$|\\$\\d+$", "");
      OWN.add(own);
      return own;
    }
    if (plain.startsWith("mkl_")) {
      return "MKL: matrix products";
    }
    if (plain.matches("(Java_ai_djl|.*\\b(torch|c10|at)::).*")) {
      return "PyTorch";
    }
    if (plain.startsWith("ai/djl/")) {
      return "DJL";
    }
    for (String library :
        List.of("org/apache/spark/", "org/apache/parquet/", "org/apache/hadoop/")) {
      if (plain.startsWith(library)) {
        return plain.substring(11, library.length() - 1);
      }
    }
    if (plain.contains("/") || plain.startsWith("java.") || plain.matches("[a-z.]+\\.so.*")) {
      return "";
    }
    return plain.replaceAll("\\(.*", "").replaceAll("<.*>", "");
  }

  private static void draw(String name, Node node, double x, int level) {
    double width = node.samples * pixels;
    if (width < NARROWEST) {
      return;
    }
    int y = bottom - level * ROW;
    int letters = (int) (width / 6.2);
    String text =
        letters < 3 ? "" : name.length() <= letters ? name : name.substring(0, letters - 1) + "…";
    SVG.append(
        String.format(
            Locale.ROOT,
            "<g><title>%s, %.1f %%</title><rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\""
                + " fill=\"%s\" stroke=\"#fff\" stroke-width=\".5\"/><text x=\"%.1f\" y=\"%d\">%s"
                + "</text></g>%n",
            escaped(name),
            100.0 * node.samples / all,
            x,
            y,
            width,
            ROW - 1,
            colour(name),
            x + 3,
            y + 12,
            escaped(text)));
    double at = x;
    for (Map.Entry<String, Node> callee : node.callees.entrySet()) {
      draw(callee.getKey(), callee.getValue(), at, level + 1);
      at += callee.getValue().samples * pixels;
    }
  }

  private static String colour(String name) {
    if (OWN.contains(name)) {
      return "#8fc7a0";
    }
    return LIBRARIES.contains(name) ? "#9db8e8" : "#f2b880";
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
