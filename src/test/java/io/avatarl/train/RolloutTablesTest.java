package io.avatarl.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.Rollouts;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
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
    spark =
        SparkSession.builder().master("local[2]").config("spark.ui.enabled", false).getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static TrainingConfig config(String... overrides) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "steps=5",
                "model.layers=1",
                "model.heads=1",
                "model.width=8",
                "model.context=8",
                "learner.updatesPerStep=2",
                "rollout.windowsPerUpdate=2",
                "rollout.shards=2",
                "evaluation.every=0",
                "sample.tokens=5"));
    all.addAll(List.of(overrides));
    return ConfigReader.read("test", "", all);
  }

  private Training training(
      String name, TrainingConfig config, boolean resume, TrainingListener l) {
    byte[] text = "to be or not to be, that is the question.\n".repeat(20).getBytes(UTF_8);
    return new Training(
        spark,
        config,
        new CorpusSource.Found(text, "test", false, List.of()),
        folder.resolve(name).toString(),
        resume,
        l);
  }

  private Optional<Summary> train(String name, TrainingConfig config) {
    return training(name, config, false, new TrainingListener() {}).run();
  }

  private List<String> rows(String name) {
    Dataset<Row> rows = Rollouts.read(spark, folder.resolve(name).toString());
    return rows.toJSON().collectAsList().stream().sorted().toList();
  }

  @Test
  void trainingIsTheSameWithAndWithoutTables() {
    Summary with = train("with", config("rollouts.every=2", "rollouts.windows=0")).orElseThrow();
    Summary without = train("without", config("rollouts.every=0")).orElseThrow();
    assertEquals(without.weightsSha256(), with.weightsSha256());
    assertEquals(List.of(1L, 2L, 4L, 5L), Rollouts.steps(spark, folder.resolve("with").toString()));
    assertFalse(Files.exists(folder.resolve("without/rollouts")));
    assertFalse(Files.exists(folder.resolve("without/contexts.json")));
    assertTrue(with.stageSeconds().get("table") > 0);
    assertEquals(0, without.stageSeconds().get("table"), 0.01);
  }

  @Test
  void aStoppedAndResumedRunHasTheSameTables() throws Exception {
    for (String ahead : List.of("0", "1")) {
      TrainingConfig config = config("rollouts.every=1", "rollout.ahead=" + ahead);
      Summary whole = train("whole" + ahead, config).orElseThrow();
      String name = "parts" + ahead;
      Training[] running = new Training[1];
      running[0] =
          training(
              name,
              config,
              false,
              new TrainingListener() {
                @Override
                public void stepped(long step, RolloutStatistics rollouts, UpdateMetrics update) {
                  if (step == 3) {
                    new Thread(
                            () -> {
                              try {
                                running[0].stop();
                              } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                              }
                            })
                        .start();
                    pause();
                  }
                }
              });
      assertTrue(running[0].run().isEmpty());
      Summary resumed = training(name, config, true, new TrainingListener() {}).run().orElseThrow();
      assertEquals(whole.weightsSha256(), resumed.weightsSha256());
      assertEquals(rows("whole" + ahead), rows(name));
      JsonNode contexts =
          new ObjectMapper().readTree(folder.resolve(name).resolve("contexts.json").toFile());
      assertEquals(0, contexts.at("/first/step").asLong());
      assertEquals(5, contexts.at("/last/step").asLong());
      // Steps 0 (before), 2, 3, 4 and 5; that of step 1 would be that of step 0 over again.
      assertEquals(5, contexts.path("samples").size());
    }
  }

  /** Lets the stop arrive before the step ends. */
  private static void pause() {
    try {
      Thread.sleep(200);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
