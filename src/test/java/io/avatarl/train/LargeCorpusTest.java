package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.GeneratedPlay;
import io.avatarl.corpus.TokenArray;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.spark.corpus.CorpusProgress;
import io.avatarl.yardstick.NgramBaselines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training from tokens that stay in their files. */
class LargeCorpusTest {
  private static SparkSession spark;
  @TempDir Path folder;
  private final List<String> warnings = new ArrayList<>();

  @BeforeAll
  static void start() {
    spark = TinyTraining.spark("local[2]", Map.of());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private Trainer trainer(Path run, boolean resume, long stopAfter, String... overrides) {
    List<String> all = new ArrayList<>(List.of(overrides));
    all.add("corpus.path=" + folder.resolve("books"));
    all.add("corpus.ngramSample=5 kB");
    all.add("evaluation.maxTokens=500");
    TrainingConfig config = ConfigReader.read("trial", TinyTraining.PRESET, all);
    Trainer[] trainer = new Trainer[1];
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void stepped(long done, RolloutStatistics rollouts, UpdateMetrics lastUpdate) {
            if (done == stopAfter) {
              trainer[0].stop();
            }
          }

          @Override
          public void warned(String warning) {
            warnings.add(warning);
          }
        };
    CorpusLoader corpora =
        new CorpusLoader(
            TinyTraining.storage(),
            new CorpusSource(TinyTraining.storage(), run.toString(), Map.of()),
            () -> spark,
            new CorpusProgress() {
              @Override
              public void at(String what, int done, int of) {
                // Nobody looks.
              }

              @Override
              public void warned(String warning) {
                warnings.add(warning);
              }
            });
    trainer[0] =
        new Trainer(
            TinyTraining.storage(),
            config,
            corpora,
            run.toString(),
            resume,
            listener,
            NgramBaselines::of);
    return trainer[0];
  }

  private Summary train(String run, String... overrides) {
    return trainer(folder.resolve(run), false, -1, overrides).run(spark).orElseThrow();
  }

  @Test
  void aRunFromFilesRepeatsAndGoesOn() throws IOException {
    Path books = Files.createDirectories(folder.resolve("books"));
    for (int i = 0; i < 5; i++) {
      Files.writeString(books.resolve(i + ".txt"), GeneratedPlay.write(i, 6_000));
    }
    Summary whole = train("whole", "corpus.memory=0");
    assertTrue(Files.isDirectory(folder.resolve("avatarl-tokens")));
    assertTrue(
        warnings.stream().anyMatch(w -> w.contains("corpus.ngramSample = 5 kB")),
        warnings.toString());
    // Windows end to end over 500 tokens predict all but the first.
    assertEquals(499, whole.valPositions());
    assertEquals(whole.weightsSha256(), train("again", "corpus.memory=0").weightsSha256());
    try (var made = Files.list(folder.resolve("avatarl-tokens"))) {
      assertFalse(Files.exists(made.findFirst().orElseThrow().resolve("_work")));
    }
    Path run = folder.resolve("stopped");
    assertEquals(Optional.empty(), trainer(run, false, 3, "corpus.memory=0").run(spark));
    Summary resumed = trainer(run, true, -1, "corpus.memory=0").run(spark).orElseThrow();
    assertEquals(whole.weightsSha256(), resumed.weightsSha256());
    assertEquals(whole.corpusSha256(), resumed.corpusSha256());
    // In memory, windows are drawn otherwise; both learn.
    Summary inMemory = train("memory");
    assertEquals(whole.valCe(), inMemory.valCe(), 0.2);
    assertEquals(30_005, tokens("memory"));
  }

  private int tokens(String run) {
    TrainingConfig config = Runs.config(TinyTraining.storage(), folder.resolve(run).toString());
    var corpus =
        new CorpusLoader(
                TinyTraining.storage(),
                new CorpusSource(TinyTraining.storage(), folder.toString(), Map.of()),
                () -> spark,
                new CorpusProgress() {
                  @Override
                  public void at(String what, int done, int of) {
                    // Nobody looks.
                  }

                  @Override
                  public void warned(String warning) {
                    throw new AssertionError(warning);
                  }
                })
            .load(config.corpus(), 0, folder.toString())
            .corpus();
    assertTrue(corpus.train() instanceof TokenArray);
    return (int) (corpus.train().length() + corpus.validationTokens());
  }
}
