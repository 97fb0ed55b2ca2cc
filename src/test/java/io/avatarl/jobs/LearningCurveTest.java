package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.ConfigReader;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class LearningCurveTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final ObjectNode data = JSON.createObjectNode();
  private final ArrayNode runs = data.putArray("runs");
  private final ArrayNode lines = data.putArray("lines");

  /** A finished run with evaluations at updates 10, 20 and 40, the last of which is its end. */
  private ObjectNode run(String name, double last) throws Exception {
    ObjectNode run = runs.addObject().put("name", name);
    run.set("evaluations", JSON.readTree("{\"update\":[10,20,40],\"val_ce\":[3.0,2.5,9.0]}"));
    ObjectNode summary = run.putObject("summary");
    summary.put("updates", 40).put("val_ce", last).put("corpus_sha256", "a");
    summary.putObject("baselines").putObject("bigram").put("ce", 2.5);
    return run;
  }

  private Document svg() throws Exception {
    return svg(LearningCurve.Axis.UPDATES);
  }

  private Document svg(LearningCurve.Axis axis) throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    return factory
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(LearningCurve.svg(data, axis))));
  }

  private static List<Element> elements(Document svg, String tag, String style) {
    NodeList nodes = svg.getElementsByTagName(tag);
    List<Element> elements = new ArrayList<>();
    for (int i = 0; i < nodes.getLength(); i++) {
      Element element = (Element) nodes.item(i);
      if (Arrays.asList(element.getAttribute("class").split(" ")).contains(style)) {
        elements.add(element);
      }
    }
    return elements;
  }

  /** Pairs x, y of a polyline. */
  private static double[][] points(Element line) {
    return Arrays.stream(line.getAttribute("points").split(" "))
        .map(p -> Arrays.stream(p.split(",")).mapToDouble(Double::parseDouble).toArray())
        .toArray(double[][]::new);
  }

  @Test
  void aCurveGoesThroughItsEvaluationsAndEndsInTheFinalFigure() throws Exception {
    run("one", 2.0);
    double[][] points = points(elements(svg(), "polyline", "curve").get(0));
    // The evaluation of a part at update 40 gives way to the one of the whole split.
    assertEquals(3, points.length);
    assertEquals(points[1][0] - points[0][0], (points[2][0] - points[1][0]) / 2, 0.11);
    assertEquals(points[1][1] - points[0][1], points[2][1] - points[1][1], 0.11);
    assertTrue(points[2][1] > points[0][1], "lower figures are lower");
  }

  /** The same distance for each factor; a run that scores ten times as much is further right. */
  @Test
  void actionsAreALogarithm() throws Exception {
    ((ObjectNode) run("sampled", 2.0).path("summary")).put("rollouts", 400);
    ((ObjectNode) run("exhaustive", 2.0).path("summary")).put("rollouts", 4000);
    run("unfinished", 2.0).remove("summary");
    List<Element> curves = elements(svg(LearningCurve.Axis.ACTIONS), "polyline", "curve");
    assertEquals(2, curves.size());
    double[][] sampled = points(curves.get(0));
    double[][] exhaustive = points(curves.get(1));
    double twice = sampled[1][0] - sampled[0][0];
    assertEquals(twice, sampled[2][0] - sampled[1][0], 0.11);
    double ten = exhaustive[0][0] - sampled[0][0];
    assertEquals(twice * Math.log(10) / Math.log(2), ten, 0.3);
    assertEquals(ten, exhaustive[2][0] - sampled[2][0], 0.11);
  }

  @Test
  void tablesAndYardsticksAreStraightLinesAtTheirHeight() throws Exception {
    run("one", 2.0);
    lines.addObject().put("name", "baseline-ce").put("ce", 2.0);
    Document svg = svg();
    double[][] curve = points(elements(svg, "polyline", "curve").get(0));
    Element table = elements(svg, "line", "reference").get(0);
    assertEquals(curve[1][1], Double.parseDouble(table.getAttribute("y1")), 0.11);
    assertEquals(table.getAttribute("y1"), table.getAttribute("y2"));
    Element yardstick = elements(svg, "line", "yardstick").get(0);
    assertEquals(curve[2][1], Double.parseDouble(yardstick.getAttribute("y1")), 0.11);
    String text = svg.getDocumentElement().getTextContent();
    for (String label : List.of("2.500  bigram table", "2.000  baseline-ce", "2.000  one")) {
      assertTrue(text.contains(label), label);
    }
  }

  @Test
  void closeLinesHaveLabelsApart() throws Exception {
    for (int i = 0; i < 9; i++) {
      run("run-" + i, 2.0 + i * 1e-4);
    }
    Document svg = svg();
    double[] places =
        elements(svg, "text", "run").stream()
            .mapToDouble(label -> Double.parseDouble(label.getAttribute("y")))
            .sorted()
            .toArray();
    assertEquals(9, places.length);
    for (int i = 1; i < places.length; i++) {
      assertTrue(places[i] - places[i - 1] > 15, Arrays.toString(places));
    }
    double height = Double.parseDouble(svg.getDocumentElement().getAttribute("height"));
    assertTrue(places[8] < height, Arrays.toString(places));
  }

  @Test
  void tablesOfDifferentTextsAreLeftOut() throws Exception {
    run("one", 2.0);
    ((ObjectNode) run("two", 2.1).path("summary")).put("corpus_sha256", "b");
    assertEquals(List.of(), elements(svg(), "line", "reference"));
  }

  @Test
  void whatHasNoFiguresYetIsAnEmptyPicture() throws Exception {
    runs.addObject().put("name", "new");
    Document svg = svg();
    assertEquals(List.of(), elements(svg, "polyline", "curve"));
    assertFalse(elements(svg, "line", "grid").isEmpty());
  }

  @Test
  void namesAreText() throws Exception {
    run("<script>\u0007&", 2.0);
    assertFalse(LearningCurve.svg(data, LearningCurve.Axis.UPDATES).contains("<script"));
    String text = svg().getDocumentElement().getTextContent();
    assertThat(text).contains("<script>\u2407&");
  }

  @Test
  void theCommandWritesThePictureAndThePageOnlyWhenAsked(@TempDir Path folder) throws Exception {
    Path run = Files.createDirectories(folder.resolve("run"));
    Files.writeString(
        run.resolve("config.conf"), ConfigReader.render(ConfigReader.read("run", "", List.of())));
    Path svg = folder.resolve("curve.svg");
    CommandResult outcome =
        CommandResult.report(run.toString(), "--svg", svg.toString()).succeeds();
    assertEquals("learning curve " + svg + "\n", outcome.out());
    assertTrue(Files.readString(svg).startsWith("<svg "));
    assertFalse(Files.exists(run.resolve("report.html")));
    Path html = folder.resolve("page.html");
    CommandResult.report(run.toString(), "--svg", svg.toString(), "--html", html.toString())
        .succeeds();
    assertTrue(Files.exists(html));
    CommandResult alone = CommandResult.report(run.toString(), "--over", "actions");
    assertEquals(2, alone.code());
    assertThat(alone.err()).contains("add --svg FILE").hasLineCount(1);
    CommandResult unfinished =
        CommandResult.report(run.toString(), "--svg", svg.toString(), "--over", "actions");
    assertEquals(2, unfinished.code());
    assertThat(unfinished.err()).contains("no run has ended").hasLineCount(1);
  }
}
