package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.ConfigReader;
import io.avatarl.files.Storage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportPageTest {
  private static final String HOSTILE =
      "</script><img src=x onerror=alert(1)><!-- {{data}} & \u2028";

  @TempDir private Path folder;

  private Path run(String name) throws Exception {
    Path run = Files.createDirectories(folder.resolve(name));
    Files.writeString(
        run.resolve("config.conf"), ConfigReader.render(ConfigReader.read(name, "", List.of())));
    return run;
  }

  private Path finished(String name) throws Exception {
    Path run = run(name);
    Files.createDirectories(run.resolve("metrics"));
    Files.writeString(
        run.resolve("metrics/steps-000001-000002.jsonl"),
        """
        {"kind":"update","step":1,"update":1,"reward":0.25,"kl":"NaN"}
        {"kind":"update","step":1,"update":2,"reward":0.75,"kl":0.5}
        {"kind":"evaluation","step":1,"update":2,"val_ce":2.125,"val_accuracy":0.375}
        {"kind":"update","step":2,"update":3,"reward":0.9,"kl":"NaN"}
        """);
    Files.writeString(
        run.resolve("summary.json"),
        "{\"val_ce\":1.6789,\"corpus\":"
            + new ObjectMapper().writeValueAsString(HOSTILE)
            + ",\"baselines\":{\"bigram\":{\"ce\":2.4858,\"accuracy\":0.27}}}");
    Files.writeString(
        run.resolve("samples.json"), new ObjectMapper().writeValueAsString(List.of(HOSTILE)));
    return run;
  }

  private String page(Path... runs) throws Exception {
    Path file = folder.resolve("page.html");
    ReportPage.write(
        new Storage(new Configuration()),
        List.of(runs).stream().map(Path::toString).toList(),
        file.toString());
    return Files.readString(file);
  }

  private static JsonNode data(String page) throws Exception {
    String start = "<script type=\"application/json\" id=\"data\">";
    int from = page.indexOf(start) + start.length();
    return new ObjectMapper().readTree(page.substring(from, page.indexOf("</script>", from)));
  }

  @Test
  void holdsTheFigures() throws Exception {
    JsonNode run = data(page(finished("one"))).path("runs").path(0);
    assertEquals(1.6789, run.at("/summary/val_ce").asDouble());
    assertEquals(2.4858, run.at("/summary/baselines/bigram/ce").asDouble());
    assertEquals("[2.125]", run.at("/evaluations/val_ce").toString());
    // One point per step, at its last update; what is not a number is left out.
    assertEquals("[2,3]", run.at("/updates/update").toString());
    assertEquals("[0.5,0.9]", run.at("/updates/reward").toString());
    assertEquals("[0.5,null]", run.at("/updates/kl").toString());
  }

  @Test
  void hostileTextStaysText() throws Exception {
    String page = page(finished("one"));
    assertFalse(page.contains("<img"));
    assertEquals(HOSTILE, data(page).at("/runs/0/samples/0").asText());
    assertEquals(HOSTILE, data(page).at("/runs/0/summary/corpus").asText());
    assertEquals(3, page.split("</script>", -1).length - 1);
    assertFalse(page.contains("innerHTML = "), "the page's own code parses no HTML");
  }

  @Test
  void loadsNothing() throws Exception {
    String page = page(finished("one"));
    for (String load :
        List.of(
            "\\b(src|href|action)\\s*=\\s*[\"']?(https?:)?//",
            "url\\(\\s*[\"']?(https?:)?//",
            "@import",
            "<link",
            "sourceMappingURL")) {
      assertFalse(Pattern.compile(load).matcher(page).find(), load);
    }
    assertThat(page).contains("default-src 'none'", "Chart.js v");
  }

  @Test
  void runsThatDoNotYetHaveMuchAreShown() throws Exception {
    JsonNode runs = data(page(run("new"), finished("done"))).path("runs");
    assertEquals("new", runs.at("/0/name").asText());
    assertEquals(0, runs.at("/0/steps_done").asLong());
    assertTrue(runs.at("/0/summary").isNull());
    assertEquals(2, runs.at("/1/steps_done").asLong());
  }

  @Test
  void aComparisonIsItsRunsWithTheYardsticksAsLines() throws Exception {
    finished("comparison/one");
    run("comparison/two");
    Path yardstick = Files.createDirectories(folder.resolve("comparison/baseline-ce"));
    Files.writeString(
        yardstick.resolve("baseline.json"),
        "{\"name\":\"baseline-ce\",\"val_ce\":1.5,\"val_accuracy\":0.5}");
    Files.writeString(folder.resolve("comparison/compare.md"), "");
    JsonNode data = data(page(folder.resolve("comparison")));
    assertEquals(List.of("one", "two"), data.path("runs").findValuesAsText("name"));
    assertEquals(
        "[{\"name\":\"baseline-ce\",\"ce\":1.5,\"accuracy\":0.5}]", data.path("lines").toString());
    CommandResult.report(folder.resolve("comparison").toString()).succeeds();
    assertTrue(Files.exists(folder.resolve("comparison/report.html")));
  }

  @Test
  void aFolderWithoutRunsIsRefused() {
    CommandResult.report(folder.toString()).refuses(folder.toString(), "holds no run");
    CommandResult.report(folder + "/none").refuses("holds no run");
  }

  @Test
  void stagesBeginAtTheirFirstUpdate() throws Exception {
    Path run = run("staged");
    Files.createDirectories(run.resolve("metrics"));
    Files.writeString(
        run.resolve("metrics/steps-000001-000002.jsonl"),
        """
        {"kind":"update","step":1,"update":1,"stage":"early"}
        {"kind":"warning","step":1,"warning":"something"}
        {"kind":"update","step":1,"update":2,"stage":"early"}
        {"kind":"update","step":2,"update":3,"stage":"late"}
        """);
    JsonNode record = data(page(run)).at("/runs/0");
    assertEquals(
        "[{\"stage\":\"early\",\"update\":1},{\"stage\":\"late\",\"update\":3}]",
        record.path("stages").toString());
    assertEquals("[2,3]", record.at("/updates/update").toString());
  }

  /** A run of a week has millions of records; what is held of them is the points. */
  @Test
  void manyStepsAreFewPoints() throws Exception {
    for (int steps : new int[] {400, 401, 3_000}) {
      RecordColumns columns = new RecordColumns(List.of("reward"));
      for (int step = 1; step <= steps; step++) {
        columns.add(
            new ObjectMapper()
                .readTree(
                    String.format("{\"step\":%d,\"update\":%d,\"reward\":%d}", step, step, step)));
      }
      JsonNode json = columns.toJson();
      int each = steps == 400 ? 1 : steps == 401 ? 2 : 8;
      assertEquals((steps + each - 1) / each, json.path("update").size());
      assertEquals(steps, columns.lastStep());
      // The mean of 1, …, each; of the last stretch what it has.
      assertEquals((1 + each) / 2.0, json.at("/reward/0").asDouble());
      assertEquals(each, json.at("/update/0").asInt());
      assertEquals(steps, json.path("update").get(json.path("update").size() - 1).asInt());
    }
  }

  @Test
  void ofManyRunsTheBestAreShown() throws Exception {
    int many = ReportPage.MOST + 20;
    for (int i = 0; i < many; i++) {
      Path run = run(String.format("all/run-%03d", i));
      if (i >= 5) { // The others still train.
        Files.writeString(run.resolve("summary.json"), "{\"val_ce\":" + (many - i) + "}");
      }
    }
    CommandResult result = CommandResult.report(folder.resolve("all").toString()).succeeds();
    assertThat(result.out()).contains("120 runs: the 100 with the lowest val_ce");
    List<String> names =
        data(Files.readString(folder.resolve("all/report.html")))
            .path("runs")
            .findValuesAsText("name");
    assertEquals(ReportPage.MOST, names.size());
    assertEquals("run-020", names.get(0));
    assertEquals("run-119", names.get(99));
  }

  @Test
  void nothingIsWrittenIntoARunThatStillTrains() throws Exception {
    Path run = finished("trains");
    // Of a process that lives: this one's parent, as it claims a folder itself.
    ProcessHandle parent = ProcessHandle.current().parent().orElseThrow();
    Path claim =
        Files.writeString(
            run.resolve("claim-0.json"),
            String.format(
                "{\"host\":\"%s\",\"process\":%d,\"started\":\"%s\",\"since\":\"then\"}",
                java.net.InetAddress.getLocalHost().getHostName(),
                parent.pid(),
                parent.info().startInstant().orElseThrow()));
    CommandResult.report(run.toString())
        .refuses("is being written by process " + parent.pid(), "outside it with --html");
    assertFalse(Files.exists(run.resolve("report.html")));
    String elsewhere = folder.resolve("page.html").toString();
    CommandResult.report(run.toString(), "--html", elsewhere).succeeds();
    Files.delete(claim);
    CommandResult.report(run.toString()).succeeds();
    try (var files = Files.list(run)) {
      assertTrue(files.noneMatch(file -> file.toString().contains("claim-")));
    }
  }
}
