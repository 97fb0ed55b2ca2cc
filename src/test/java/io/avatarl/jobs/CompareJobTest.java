package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.train.TinyTraining;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareJobTest {
  @TempDir private Path folder;

  @Test
  void leavesATableAndAPageOverAllPresets() throws Exception {
    Path preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    Path out = folder.resolve("comparison");
    String[] arguments = {
      preset.toString(),
      preset + ",rollout.exploration=sampled,rollout.samples=4",
      CompareJob.YARDSTICK + ",model.layers=1,model.width=16,model.context=16",
      "--groups",
      "0",
      "--set",
      "steps=1",
      "--set",
      "evaluation={ every = 1, windows = 8, batch = 4 }",
      "--corpus",
      TinyTraining.corpus(folder).toString(),
      "--out",
      out.toString()
    };
    try (SparkSession spark = TinyTraining.spark("local[2]", Map.of())) {
      CommandResult.compare(arguments).succeeds();
      JsonNode rows = new ObjectMapper().readTree(out.resolve("compare.json").toFile());
      assertEquals(3, rows.size());
      assertTrue(rows.get(0).get("lowest_val_ce").asDouble() > 0);
      assertEquals(2, rows.get(0).get("lowest_update").asLong());
      assertEquals("NaN", rows.get(2).get("lowest_val_ce").asText());
      String page = Files.readString(out.resolve("report.html"));
      assertTrue(page.contains("\"lines\":[{\"name\":\"" + CompareJob.YARDSTICK), "the yardstick");
      for (String sha : rows.findValuesAsText("weights_sha256").subList(0, 2)) {
        assertThat(page).contains(sha);
      }
      // Nothing is left to train: the same figures.
      CommandResult.compare(arguments).succeeds();
      assertEquals(rows, new ObjectMapper().readTree(out.resolve("compare.json").toFile()));
    }
  }

  @Test
  void theRunOfMaxrlIsTheRefereeOfThosePresetsAfterItThatNameNone() throws Exception {
    Path out = folder.resolve("refereed");
    try (SparkSession spark = TinyTraining.spark("local[2]", Map.of())) {
      CommandResult.compare(
              "maxrl",
              "2025-08-06-referee",
              "--groups",
              "0",
              "--set",
              "steps=1",
              "--set",
              "model={ layers = 1, heads = 2, width = 16, context = 8 }",
              "--corpus",
              TinyTraining.corpus(folder).toString(),
              "--out",
              out.toString())
          .succeeds();
      assertThat(Files.readString(out.resolve("2025-08-06-referee/config.conf")))
          .contains(out.resolve("maxrl").toString());
      assertFalse(Files.readString(out.resolve("maxrl/config.conf")).contains(out + "/maxrl\""));
    }
  }

  @Test
  void eachSeedIsARunAndARowIsTheirMeanAndSpread() throws Exception {
    Path preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    Path out = folder.resolve("seeded");
    List<String> arguments =
        List.of(
            preset.toString(),
            CompareJob.YARDSTICK + ",model.layers=1,model.width=16,model.context=16",
            "--groups",
            "0",
            "--set",
            "steps=1",
            "--corpus",
            TinyTraining.corpus(folder).toString(),
            "--out",
            out.toString());
    try (SparkSession spark = TinyTraining.spark("local[2]", Map.of())) {
      compareWith(arguments, "3").succeeds();
      assertTrue(Files.readString(out.resolve("compare.md")).startsWith("Seed 3.\n"));
      JsonNode alone = new ObjectMapper().readTree(out.resolve("compare.json").toFile());
      assertEquals("NaN", alone.at("/0/standard_deviation/val_ce").asText());

      // Two more seeds: what seed 3 reached is taken as it is.
      compareWith(arguments, "1,2,3").succeeds();
      JsonNode rows = new ObjectMapper().readTree(out.resolve("compare.json").toFile());
      assertEquals(2, rows.size());
      for (JsonNode row : rows) {
        assertEquals("[1,2,3]", row.get("seeds").toString());
        double[] ce = new double[3];
        for (int i = 0; i < 3; i++) {
          assertEquals(i + 1, row.at("/runs/" + i + "/seed").asLong());
          ce[i] = row.at("/runs/" + i + "/val_ce").asDouble();
        }
        double mean = (ce[0] + ce[1] + ce[2]) / 3;
        double deviation =
            Math.sqrt(
                (Math.pow(ce[0] - mean, 2) + Math.pow(ce[1] - mean, 2) + Math.pow(ce[2] - mean, 2))
                    / 2);
        assertTrue(deviation > 0, "seeds differ");
        assertEquals(mean, row.get("val_ce").asDouble(), 1e-12);
        assertEquals(deviation, row.at("/standard_deviation/val_ce").asDouble(), 1e-12);
        String line = String.format(Locale.ROOT, "| %.4f ± %.4f |", mean, deviation);
        String table = Files.readString(out.resolve("compare.md"));
        assertThat(table).contains(line);
        assertThat(table).startsWith("Mean ± standard deviation (of a sample, n − 1)");
      }
      assertEquals(
          alone.at("/0/runs/0/seconds"), rows.at("/0/runs/2/seconds"), "not trained again");
      assertEquals(alone.at("/1/runs/0/seconds"), rows.at("/1/runs/2/seconds"));
    }
  }

  @Test
  void seedsThatContradictThemselvesAreRefused() {
    CommandResult.compare("maxrl", "--seeds", "1,2,1").refuses("--seeds", "each seed once");
    CommandResult.compare("maxrl,seed=4", "--seeds", "1,2")
        .refuses("maxrl,seed=4", "also sets a seed");
    CommandResult.compare("maxrl", "--set", "seed=4", "--seeds", "1,2").refuses("--seeds");
    CommandResult.compare("maxrl", "--seeds", "1,x").refuses("--seeds", "'x'");
  }

  @Test
  void aRowWithARunThatDivergedHasNoMean() {
    Comparison.Result fine =
        new Comparison.Result("a", 1, 2, 2, 1, 2, 2, .5, .1, 1, 1, 10, 10, 5, 2, "");
    Comparison comparison =
        new Comparison(
            List.of(1L, 2L),
            List.of(new Comparison.Row("a", List.of(fine, Comparison.Result.diverged("a", 2, 4)))),
            Map.of());
    assertThat(comparison.markdown()).contains("| a | 1 of 2 diverged | | | | | | | | 7 |");
    assertEquals("NaN", comparison.json().at("/0/val_ce").asText());
    assertEquals(2, comparison.json().at("/0/runs/0/val_ce").asDouble());
  }

  private static CommandResult compareWith(List<String> arguments, String seeds) {
    List<String> all = new ArrayList<>(arguments);
    all.addAll(List.of("--seeds", seeds));
    return CommandResult.compare(all.toArray(String[]::new));
  }

  @Test
  void aFolderStandsForItsPresets() {
    assertEquals(7, Presets.inFolder("avatarl").size());
    assertEquals(Presets.inFolder("avatarl"), Presets.inFolder("avatarl/"));
    assertEquals("avatarl/2025-05-29-bigram", Presets.inFolder("avatarl").get(0));
    assertEquals(List.of("maxrl"), Presets.inFolder("maxrl"));
    assertEquals(List.of("maxrl,seed=2"), Presets.inFolder("maxrl,seed=2"));
  }

  @Test
  void aRunThatDivergesDoesNotEndTheComparison() throws Exception {
    Path preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    Path out = folder.resolve("diverged");
    try (SparkSession spark = TinyTraining.spark("local[2]", Map.of())) {
      CommandResult.compare(
              preset
                  + ",learner.optimizer.learningRate=10,learner.optimizer.warmup=0,"
                  + "learner.optimizer.clipNorm=0,learner.optimizer.weightDecay=10,learner.clipLow=1,"
                  + "learner.clipHigh=1e30,steps=40",
              preset.toString(),
              "--groups",
              "0",
              "--corpus",
              TinyTraining.corpus(folder).toString(),
              "--out",
              out.toString())
          .succeeds();
      String table = Files.readString(out.resolve("compare.md"));
      assertTrue(table.lines().anyMatch(line -> line.contains("| diverged |")), table);
      JsonNode rows = new ObjectMapper().readTree(out.resolve("compare.json").toFile());
      assertEquals("NaN", rows.get(0).get("val_ce").asText());
      assertTrue(rows.get(1).get("val_ce").asDouble() > 0);
    }
  }
}
