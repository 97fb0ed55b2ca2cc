package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.spark.Rollouts;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables of whole, tiny trainings. */
class RolloutTablesTest {
  private static SparkSession spark;
  @TempDir private Path folder;

  @BeforeAll
  static void start() {
    spark = TinyTraining.spark("local[2]", Map.of());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static String[] with(String... overrides) {
    List<String> all = new ArrayList<>(List.of("steps=5", "checkpoint.every=0"));
    all.addAll(List.of(overrides));
    return all.toArray(String[]::new);
  }

  private List<String> rows(String name) {
    Dataset<Row> rows = Rollouts.read(spark, folder.resolve(name).toString());
    return rows.toJSON().collectAsList().stream().sorted().toList();
  }

  @Test
  void trainingIsTheSameWithAndWithoutTables() throws Exception {
    Path corpus = TinyTraining.corpus(folder);
    Summary with =
        TinyTraining.train(
            spark,
            corpus,
            folder.resolve("with"),
            with("rolloutTable.every=2", "rolloutTable.windows=0"));
    Summary without =
        TinyTraining.train(spark, corpus, folder.resolve("without"), with("rolloutTable.every=0"));
    assertEquals(without.weightsSha256(), with.weightsSha256());
    assertEquals(List.of(1L, 2L, 4L, 5L), Rollouts.steps(spark, folder.resolve("with").toString()));
    assertFalse(Files.exists(folder.resolve("without/rollouts")));
    assertFalse(Files.exists(folder.resolve("without/contexts.json")));
    assertTrue(with.stageSeconds().get("table") > 0);
    assertEquals(0, without.stageSeconds().get("table"), 0.01);
  }

  @Test
  void aStoppedAndResumedRunHasTheSameTables() throws Exception {
    Path corpus = TinyTraining.corpus(folder);
    for (String ahead : List.of("0", "1")) {
      String[] overrides = with("rolloutTable.every=1", "rollout.ahead=" + ahead);
      Summary whole = TinyTraining.train(spark, corpus, folder.resolve("whole" + ahead), overrides);
      Path parts = folder.resolve("parts" + ahead);
      assertTrue(TinyTraining.trainUntil(3, spark, corpus, parts, overrides).isEmpty());
      Summary resumed = TinyTraining.resume(spark, corpus, parts, overrides);
      assertEquals(whole.weightsSha256(), resumed.weightsSha256());
      assertEquals(rows("whole" + ahead), rows("parts" + ahead));
      JsonNode contexts = TinyTraining.json(parts.resolve("contexts.json"));
      assertEquals(0, contexts.at("/first/step").asLong());
      assertEquals(5, contexts.at("/last/step").asLong());
      // Steps 0 (before), 2, 3, 4 and 5; that of step 1 would be that of step 0 over again.
      assertEquals(5, contexts.path("samples").size());
    }
  }

  @Test
  void everyExplorationHasATableAndASnapshot() throws Exception {
    Path corpus = TinyTraining.corpus(folder);
    for (String exploration :
        List.of(
            "active",
            "sampled,rollout.samples=3,rollout.mixture=0.5",
            "sampled,rollout.samples=3,rollout.horizon=4,rollout.credit=sequence")) {
      String name = "run" + exploration.length();
      String[] overrides = with(("steps=1,rollout.exploration=" + exploration).split(","));
      TinyTraining.train(spark, corpus, folder.resolve(name), overrides);
      assertFalse(rows(name).isEmpty());
      JsonNode contexts = TinyTraining.json(folder.resolve(name).resolve("contexts.json"));
      assertFalse(contexts.at("/first/states/0/actions").isEmpty(), exploration);
    }
  }

  @Test
  void rowsNameTheStageThatPaid() throws Exception {
    Path corpus = TinyTraining.corpus(folder);
    String[] overrides =
        with(
            "rolloutTable.every=1",
            "curriculum.stages=[{name=early,promotion=step,steps=2,reward={bigram=1}},{name=late}]");
    TinyTraining.train(spark, corpus, folder.resolve("stages"), overrides);
    List<Row> stages =
        Rollouts.read(spark, folder.resolve("stages").toString())
            .selectExpr("step", "stage", "array_join(array_sort(map_keys(reward_components)), '+')")
            .distinct()
            .orderBy("step")
            .collectAsList();
    assertEquals(
        "[[1,early,bigram+exact], [2,early,bigram+exact], [3,late,exact], [4,late,exact],"
            + " [5,late,exact]]",
        stages.toString());
    TinyTraining.metrics(folder.resolve("stages")).stream()
        .filter(record -> record.path("kind").asText().equals("update"))
        .forEach(
            record ->
                assertEquals(
                    record.path("step").asLong() <= 2 ? "early" : "late",
                    record.path("stage").asText()));
  }

  @Test
  void aGroupsNumberNamesOneStateWhateverTheStagesHorizons() throws Exception {
    Path corpus = TinyTraining.corpus(folder);
    TinyTraining.train(
        spark,
        corpus,
        folder.resolve("horizons"),
        with(
            "rolloutTable.every=1",
            "rolloutTable.windows=0",
            "rollout.exploration=sampled",
            "rollout.samples=3",
            "curriculum.stages=[{name=long,steps=2,horizon=12},{name=short,steps=1,horizon=2},{name=one,horizon=1}]"));
    Dataset<Row> groups =
        Rollouts.read(spark, folder.resolve("horizons").toString())
            .groupBy("group_id")
            .agg(
                functions.countDistinct("step", "shard", "position", "gold_token"),
                functions.max("actions_per_group"),
                functions.count("*"));
    // 8 windows a step, of 16 groups or as many as the horizon says; three rollouts in each.
    assertEquals(8 * (12 + 12 + 2 + 16 + 16), groups.count());
    for (Row group : groups.collectAsList()) {
      assertEquals(1, group.getLong(1), group.toString());
      assertEquals(3, group.getInt(2), group.toString());
      assertEquals(3, group.getLong(3), group.toString());
    }
  }

  @Test
  void theKlThatIsEstimatedOnActionsIsMeasuredOverTheVocabulary() throws Exception {
    Path corpus = TinyTraining.corpus(folder);
    // The same rollouts: nothing is learnt from them. The learner's own KL is exact.
    String[] settings = {
      "steps=2",
      "rollout.exploration=sampled",
      "rollout.samples=2",
      "learner.optimizer.learningRate=1e-30",
      "learner.kl.reference=ngram",
      "rolloutTable.every=0"
    };
    List<Double> exact = new ArrayList<>();
    for (String estimator : List.of("full", "sampled")) {
      Path run = folder.resolve(estimator);
      List<String> all = new ArrayList<>(List.of(settings));
      all.add("learner.kl.estimator=" + estimator);
      TinyTraining.train(spark, corpus, run, with(all.toArray(String[]::new)));
      exact.add(
          TinyTraining.metrics(run).stream()
              .filter(record -> record.path("kind").asText().equals("update"))
              .mapToDouble(record -> record.path("reference_kl").asDouble())
              .average()
              .orElseThrow());
    }
    assertTrue(exact.get(0) > 0.1, exact.toString());
    assertEquals(exact.get(0), exact.get(1), 1e-4);
  }
}
