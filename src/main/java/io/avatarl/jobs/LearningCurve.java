package io.avatarl.jobs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.UserError;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * The learning curve as one SVG picture: validation cross-entropy (nats per token) over updates or
 * scored actions, a curve for each run and a dashed line for each n-gram table and each yardstick.
 * It follows the reader's light or dark setting and loads no other files.
 */
final class LearningCurve {
  /** What has been spent, to the right. */
  enum Axis {
    UPDATES("updates"),
    /** As a logarithm. Runs that have not finished are left out. */
    ACTIONS("scored actions");

    private final String name;

    Axis(String name) {
      this.name = name;
    }
  }

  private static final int WIDTH = 860;
  private static final int HEIGHT = 430;
  private static final int LEFT = 56;
  private static final int RIGHT = 650;
  private static final int TOP = 44;
  private static final int BOTTOM = 380;
  private static final int LABEL_HEIGHT = 16;
  private static final int COLOURS = 6;
  private static final String STYLE =
      """
      .page { fill: #ffffff; stroke: #dfe3e8; }
      .grid { stroke: #e6e9ed; }
      text { fill: #5b6570; font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
      .title, .run { fill: #1b1f24; font-weight: 600; }
      .curve { fill: none; stroke-width: 2.25; stroke-linejoin: round; }
      .reference { stroke: #7b8794; stroke-dasharray: 5 4; }
      .yardstick { stroke: #1b1f24; stroke-dasharray: 2 3; stroke-width: 1.5; }
      .lead { stroke: #aab2bc; fill: none; }
      .c0 { stroke: #1f6fd0; } .c1 { stroke: #d2571b; } .c2 { stroke: #16875a; }
      .c3 { stroke: #9440b8; } .c4 { stroke: #bd2749; } .c5 { stroke: #7d6400; }
      @media (prefers-color-scheme: dark) {
        .page { fill: #15191e; stroke: #343b44; }
        .grid { stroke: #2a3038; }
        text { fill: #a6b0bb; }
        .title, .run { fill: #e7eaee; }
        .reference { stroke: #8a96a3; }
        .yardstick { stroke: #e7eaee; }
        .lead { stroke: #59636e; }
        .c0 { stroke: #6cb0ff; } .c1 { stroke: #ff9f66; } .c2 { stroke: #5bd19a; }
        .c3 { stroke: #d69bf0; } .c4 { stroke: #ff8fa6; } .c5 { stroke: #dcc04a; }
      }
      """;

  /**
   * @param spent updates or actions
   */
  private record Point(double spent, double crossEntropy) {}

  /** A curve, or a horizontal line with a single point. */
  private record Line(String name, String style, List<Point> points) {
    double end() {
      return points.get(points.size() - 1).crossEntropy();
    }

    boolean isCurve() {
      return style.startsWith("curve");
    }
  }

  private final List<Line> lines;
  private final Axis axis;
  private final double least; // spent, on the left of a logarithm
  private final double most;
  private final double low;
  private final double high;

  private LearningCurve(List<Line> lines, Axis axis) {
    this.lines = lines;
    this.axis = axis;
    this.least = points().mapToDouble(Point::spent).filter(spent -> spent > 0).min().orElse(1) / 2;
    this.most = points().mapToDouble(Point::spent).max().orElse(1);
    double lowest = points().mapToDouble(Point::crossEntropy).min().orElse(0);
    double highest = points().mapToDouble(Point::crossEntropy).max().orElse(1);
    double tick = tick(highest - lowest, 8);
    this.low = Math.floor(lowest / tick) * tick;
    this.high = Math.max(low + tick, Math.ceil(highest / tick) * tick);
  }

  private Stream<Point> points() {
    return lines.stream().flatMap(line -> line.points().stream());
  }

  /**
   * Draws the data of {@link ReportPage#data}; leaves out n-gram lines if the runs were trained on
   * different texts.
   *
   * @throws UserError if actions are to be shown and no run has ended
   */
  static String svg(ObjectNode data, Axis axis) {
    List<Line> lines = new ArrayList<>();
    Set<String> texts = new HashSet<>();
    JsonNode tables = null;
    for (JsonNode run : data.path("runs")) {
      List<Point> points = points(run, axis);
      if (!points.isEmpty()) {
        String style = "curve c" + lines.size() % COLOURS;
        lines.add(new Line(run.path("name").asText(), style, points));
      }
      if (run.path("summary").isObject()) {
        texts.add(run.at("/summary/corpus_sha256").asText());
        tables = run.at("/summary/baselines");
      }
    }
    if (lines.isEmpty() && axis == Axis.ACTIONS) {
      throw new UserError(
          "--over actions: no run has ended, and only then are its actions counted; draw it --over"
              + " updates");
    }
    if (texts.size() == 1) {
      tables
          .properties()
          .forEach(t -> reference(lines, t.getKey() + " table", "reference", t.getValue()));
    }
    data.path("lines")
        .forEach(line -> reference(lines, line.path("name").asText(), "yardstick", line));
    return new LearningCurve(lines, axis).draw();
  }

  private static void reference(List<Line> lines, String name, String style, JsonNode model) {
    double ce = model.path("ce").asDouble(Double.NaN);
    if (Double.isFinite(ce)) {
      lines.add(new Line(name, style, List.of(new Point(0, ce))));
    }
  }

  /** The evaluations during training, and at the end that of the whole validation split. */
  private static List<Point> points(JsonNode run, Axis axis) {
    List<Point> points = new ArrayList<>();
    JsonNode summary = run.path("summary");
    double unit = 1;
    if (axis == Axis.ACTIONS) {
      if (!summary.isObject()) {
        return points;
      }
      unit = summary.path("rollouts").asDouble() / summary.path("updates").asDouble();
    }
    JsonNode updates = run.at("/evaluations/update");
    JsonNode values = run.at("/evaluations/val_ce");
    double end = summary.path("updates").asDouble(Double.POSITIVE_INFINITY);
    for (int i = 0; i < updates.size(); i++) {
      if (values.path(i).isNumber() && updates.path(i).asDouble() < end) {
        points.add(new Point(unit * updates.path(i).asDouble(), values.path(i).asDouble()));
      }
    }
    double last = summary.path("val_ce").asDouble(Double.NaN);
    if (Double.isFinite(last) && Double.isFinite(end)) {
      points.add(new Point(unit * end, last));
    }
    return points;
  }

  private double x(double spent) {
    double share =
        axis == Axis.UPDATES ? spent / most : Math.log(spent / least) / Math.log(most / least);
    return LEFT + (RIGHT - LEFT) * share;
  }

  private double y(double crossEntropy) {
    return BOTTOM - (BOTTOM - TOP) * (crossEntropy - low) / (high - low);
  }

  /**
   * The tick distance: 1, 2 or 5 times a power of ten, so that a range has at most {@code most}
   * ticks.
   */
  private static double tick(double range, int most) {
    double power = Math.pow(10, Math.floor(Math.log10(Math.max(range, 1e-3) / most)));
    for (double factor : new double[] {1, 2, 5}) {
      if (range / (factor * power) <= most) {
        return factor * power;
      }
    }
    return 10 * power;
  }

  private String draw() {
    StringWriter text = new StringWriter();
    try {
      XMLStreamWriter svg = XMLOutputFactory.newFactory().createXMLStreamWriter(text);
      svg.writeStartElement("svg");
      svg.writeDefaultNamespace("http://www.w3.org/2000/svg");
      attributes(svg, "viewBox", "0 0 " + WIDTH + " " + HEIGHT, "role", "img");
      attributes(svg, "width", WIDTH, "height", HEIGHT);
      element(svg, "title", "Validation cross-entropy over " + axis.name);
      element(svg, "style", "\n" + STYLE);
      svg.writeEmptyElement("rect");
      attributes(svg, "class", "page", "x", 0.5, "y", 0.5, "rx", 8);
      attributes(svg, "width", WIDTH - 1, "height", HEIGHT - 1);
      text(svg, "title", "start", LEFT, 26, "Validation cross-entropy, nats/token");
      axes(svg);
      for (Line line : lines) {
        if (!line.isCurve()) {
          straight(svg, line.style(), LEFT, y(line.end()), RIGHT, y(line.end()));
        }
      }
      for (Line line : lines) {
        if (line.isCurve()) {
          curve(svg, line);
        }
      }
      labels(svg);
      svg.writeEndElement();
      svg.close();
    } catch (XMLStreamException e) {
      throw new IllegalStateException(e); // The writer writes to memory.
    }
    return text + "\n";
  }

  private void axes(XMLStreamWriter svg) throws XMLStreamException {
    double step = tick(high - low, 8);
    for (int i = 0; low + i * step <= high + step / 2; i++) {
      double value = low + i * step;
      straight(svg, "grid", LEFT, y(value), RIGHT, y(value));
      String number = String.format(Locale.ROOT, step < 0.1 ? "%.2f" : "%.1f", value);
      text(svg, "", "end", LEFT - 8, y(value) + 4, number);
    }
    if (axis == Axis.UPDATES) {
      step = Math.max(1, tick(most, 6));
      for (int i = 0; i * step <= most; i++) {
        mark(svg, i * step);
      }
    } else {
      for (double power = Math.pow(10, Math.ceil(Math.log10(least))); power <= most; power *= 10) {
        mark(svg, power);
      }
    }
    text(svg, "", "middle", (LEFT + RIGHT) / 2.0, BOTTOM + 38, axis.name);
  }

  private void mark(XMLStreamWriter svg, double spent) throws XMLStreamException {
    text(svg, "", "middle", x(spent), BOTTOM + 20, String.format(Locale.ROOT, "%,.0f", spent));
  }

  private void curve(XMLStreamWriter svg, Line line) throws XMLStreamException {
    StringBuilder places = new StringBuilder();
    for (Point point : line.points()) {
      places.append(decimal(x(point.spent()))).append(',');
      places.append(decimal(y(point.crossEntropy()))).append(' ');
    }
    svg.writeEmptyElement("polyline");
    attributes(svg, "class", line.style(), "points", places.toString().strip());
  }

  /**
   * Draws names at the right edge, in the order of the lines, moved apart if they would overlap.
   */
  private void labels(XMLStreamWriter svg) throws XMLStreamException {
    List<Line> ordered = new ArrayList<>(lines);
    ordered.sort(Comparator.comparingDouble(line -> y(line.end())));
    double[] places = new double[ordered.size()];
    for (int i = 0; i < places.length; i++) {
      double free = i == 0 ? TOP : places[i - 1] + LABEL_HEIGHT;
      places[i] = Math.max(y(ordered.get(i).end()), free);
    }
    double below = HEIGHT - LABEL_HEIGHT;
    for (int i = places.length - 1; i >= 0 && places[i] > below; i--) {
      places[i] = below;
      below -= LABEL_HEIGHT;
    }
    for (int i = 0; i < places.length; i++) {
      Line line = ordered.get(i);
      Point last = line.points().get(line.points().size() - 1);
      double from = line.isCurve() ? x(last.spent()) : RIGHT;
      svg.writeEmptyElement("polyline");
      attributes(
          svg,
          "class",
          line.isCurve() ? "lead " + line.style().substring("curve ".length()) : "lead",
          "points",
          String.join(
              " ",
              decimal(from) + "," + decimal(y(line.end())),
              decimal(RIGHT + 14) + "," + decimal(places[i]),
              decimal(RIGHT + 22) + "," + decimal(places[i])));
      String label = String.format(Locale.ROOT, "%.3f  %s", line.end(), brief(line.name()));
      text(svg, line.isCurve() ? "run" : "", "start", RIGHT + 27, places[i] + 4.5, label);
    }
  }

  private static String brief(String name) {
    String harmless = Terminal.harmless(name);
    return harmless.length() > 20 ? harmless.substring(0, 19) + "…" : harmless;
  }

  private static void straight(
      XMLStreamWriter svg, String style, double x1, double y1, double x2, double y2)
      throws XMLStreamException {
    svg.writeEmptyElement("line");
    attributes(svg, "class", style, "x1", x1, "y1", y1, "x2", x2, "y2", y2);
  }

  private static void text(
      XMLStreamWriter svg, String style, String anchor, double x, double y, String text)
      throws XMLStreamException {
    svg.writeStartElement("text");
    attributes(svg, "class", style, "text-anchor", anchor, "x", x, "y", y);
    svg.writeCharacters(text);
    svg.writeEndElement();
  }

  private static void element(XMLStreamWriter svg, String name, String text)
      throws XMLStreamException {
    svg.writeStartElement(name);
    svg.writeCharacters(text);
    svg.writeEndElement();
  }

  private static void attributes(XMLStreamWriter svg, Object... namesAndValues)
      throws XMLStreamException {
    for (int i = 0; i < namesAndValues.length; i += 2) {
      Object value = namesAndValues[i + 1];
      String text = value instanceof Double number ? decimal(number) : value.toString();
      svg.writeAttribute(namesAndValues[i].toString(), text);
    }
  }

  private static String decimal(double x) {
    return String.format(Locale.ROOT, "%.1f", x);
  }
}
