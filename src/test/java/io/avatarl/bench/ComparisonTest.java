package io.avatarl.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ComparisonTest {
  private static JsonNode bench(String processor, double factor) throws IOException {
    Results results = new Results(Map.of("processor", processor));
    Results.Section speed =
        new Results.Section("Speed, higher is better", "what", "groups/s", "µs");
    speed.add("ours", spread(1000 / factor), spread(10 * factor));
    speed.add("PyTorch eager", spread(1000 / factor), spread(1));
    speed.add("new " + factor, spread(1), spread(1));
    results.add(speed);
    Results.Section ratios = new Results.Section("Ratios", "ratio", "value", "target");
    ratios.add("time per token: ours / PyTorch eager", spread(factor), "≤ 2");
    ratios.add("groups/s: ours / one forward per action", spread(50 / factor), "");
    ratios.add("share of the processor", spread(0.5 / factor), "");
    results.add(ratios);
    return new ObjectMapper().readTree(results.toJson());
  }

  private static Spread spread(double value) {
    return Spread.of(List.of(0.95 * value, value, 1.05 * value));
  }

  @Test
  void whatIsWorseInEveryRunIsSlower() throws IOException {
    Results.Section slower = Comparison.slower(bench("a", 1), bench("a", 1.5));
    assertEquals(
        List.of(
            "Speed: ours, groups/s",
            "Speed: ours, µs",
            "Ratios: time per token: ours / PyTorch eager, value",
            "Ratios: groups/s: ours / one forward per action, value"),
        slower.rows().stream().map(row -> row.get(0)).toList());
    assertEquals(1000.0, slower.rows().get(0).get(1));
    assertEquals(50, (double) slower.rows().get(0).get(3), 1e-9);
    assertEquals(50, (double) slower.rows().get(1).get(3), 1e-9);
    assertEquals(List.of("4 figures compared, 4 slower"), slower.notes());
  }

  @Test
  void whatIsWithinTheSpreadOrFasterIsNot() throws IOException {
    assertEquals(List.of(), Comparison.slower(bench("a", 1), bench("a", 1.05)).rows());
    assertEquals(List.of(), Comparison.slower(bench("a", 1.5), bench("a", 1)).rows());
    assertEquals(
        "the earlier bench ran on another processor: a",
        Comparison.slower(bench("a", 1), bench("b", 1)).notes().get(1));
  }
}
