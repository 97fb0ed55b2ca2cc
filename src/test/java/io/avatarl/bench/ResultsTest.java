package io.avatarl.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ResultsTest {
  private static Results.Section table() {
    Results.Section table = new Results.Section("Speed", "what", "groups/s", "remark");
    table.add("ours", Spread.of(List.of(3000.0, 1000.0, 2000.0)), "fast");
    table.add("theirs", null, "not there");
    table.add("once", Spread.of(List.of(0.5)));
    table.notes().add("a note");
    return table;
  }

  @Test
  void aTableIsTextInColumns() {
    assertEquals(
        List.of(
            "Speed",
            "  what                 groups/s  remark",
            "  ours    2,000 (1,000 – 3,000)  fast",
            "  theirs                         not there",
            "  once                    0.500",
            "  * a note"),
        Results.lines(table()));
  }

  @Test
  void theJsonHoldsEveryRunOfEveryFigure() throws IOException {
    Results results = new Results(Map.of("cores", 2));
    results.add(table());
    JsonNode json = new ObjectMapper().readTree(results.toJson());
    assertEquals(2, json.path("machine").path("cores").asInt());
    JsonNode rows = json.path("tables").path(0).path("rows");
    assertEquals(2000, rows.path(0).path("groups/s").path("median").asDouble());
    assertEquals("[3000.0,1000.0,2000.0]", rows.path(0).path("groups/s").path("values").toString());
    assertFalse(rows.path(1).has("groups/s"));
    assertEquals("not there", rows.path(1).path("remark").asText());
  }

  @Test
  void numbersHaveTheDigitsThatMeanSomething() {
    assertEquals("12,345", Results.number(12_345.4));
    assertEquals("123.5", Results.number(123.46));
    assertEquals("1.235", Results.number(1.2346));
    assertEquals("0.01235", Results.number(0.012346));
    assertEquals("64", Results.number(64));
  }
}
