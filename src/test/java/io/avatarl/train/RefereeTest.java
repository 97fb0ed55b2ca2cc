package io.avatarl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.avatarl.config.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A referee must not have seen what the run is measured on. */
class RefereeTest {
  @TempDir static Path folder;
  private static Path corpus;
  private static Path referee;
  private static SparkSession spark;

  @BeforeAll
  static void trainTheReferee() throws IOException {
    spark = TinyTraining.spark("local[1]", Map.of());
    corpus = TinyTraining.corpus(folder);
    referee = folder.resolve("referee");
    TinyTraining.train(spark, corpus, referee, "steps=1");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Trainer run(Path text, String name, String... overrides) {
    String[] all = new String[overrides.length + 3];
    all[0] = "reward.referee.run=" + referee;
    all[1] = "reward.weights.referee=1";
    all[2] = "steps=1";
    System.arraycopy(overrides, 0, all, 3, overrides.length);
    return TinyTraining.training(text, folder.resolve(name), false, new TrainingListener() {}, all);
  }

  private static String refused(Path text, String... overrides) {
    String message =
        assertThrows(UserError.class, () -> run(text, "refused", overrides)).getMessage();
    assertEquals(1, message.lines().count());
    return message;
  }

  @Test
  void overTheSameTextAndSplitItJudges() {
    assertEquals(2, run(corpus, "same").run(spark).orElseThrow().updates());
  }

  @Test
  void overAnotherTextItIsRefused() throws IOException {
    // The same characters in another order: the same vocabulary.
    String reversed = new StringBuilder(Files.readString(corpus)).reverse().toString();
    Path other = Files.writeString(folder.resolve("other.txt"), reversed);
    assertThat(refused(other)).contains("was trained on another text");
  }

  @Test
  void withAnotherSplitItIsRefused() {
    String message = refused(corpus, "corpus.validationFraction=0.2");
    assertThat(message).contains("corpus.validationFraction = 0.1");
  }
}
