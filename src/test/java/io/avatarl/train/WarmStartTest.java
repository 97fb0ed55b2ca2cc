package io.avatarl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.model.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that begins with another's weights. */
class WarmStartTest {
  private static final String KL_TO_THE_START = "learner.kl.reference=initial";

  @TempDir static Path folder;
  private static Path corpus;
  private static Path first;
  private static Summary begun;
  private static SparkSession spark;

  @BeforeAll
  static void trainTheFirst() throws IOException {
    spark = TinyTraining.spark("local[2]", Map.of());
    corpus = TinyTraining.corpus(folder);
    first = folder.resolve("first");
    begun = TinyTraining.train(spark, corpus, first);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static String[] warm(String... overrides) {
    List<String> all = new ArrayList<>(List.of(overrides));
    all.add("init.run=" + first);
    return all.toArray(String[]::new);
  }

  private static Path run(String name) {
    return folder.resolve(name);
  }

  private static String refused(Path text, String... overrides) {
    String message =
        assertThrows(
                UserError.class,
                () ->
                    TinyTraining.training(
                        text, run("refused"), false, TrainingListener.NONE, warm(overrides)))
            .getMessage();
    assertEquals(1, message.lines().count());
    return message;
  }

  @Test
  void beginsWithTheWeightsAndCountsAnew() throws IOException {
    Summary none = TinyTraining.train(spark, corpus, run("none"), warm("steps=0"));
    assertEquals(begun.weightsSha256(), none.weightsSha256());
    assertEquals(begun.valCe(), none.valCe(), 1e-12);
    Summary two = TinyTraining.train(spark, corpus, run("two"), warm("steps=2"));
    assertNotEquals(begun.weightsSha256(), two.weightsSha256());
    assertEquals(4, two.updates());
    List<JsonNode> updates =
        TinyTraining.metrics(run("two")).stream()
            .filter(record -> record.path("kind").asText().equals("update"))
            .toList();
    // The schedule's warm-up begins again.
    assertEquals(1e-2 / 4, updates.get(0).path("learning_rate").asDouble(), 1e-12);
    assertEquals(1, updates.get(0).path("update").asInt());
  }

  @Test
  void writesDownWhatItBeganWithAndRepeatsIt() throws IOException {
    Summary once = TinyTraining.train(spark, corpus, run("once"), warm("steps=1"));
    TrainingConfig written = Runs.config(TinyTraining.storage(), run("once").toString());
    assertEquals("6", written.init().checkpoint());
    assertEquals(begun.weightsSha256(), written.init().sha256());
    Summary again =
        TinyTraining.train(
            spark,
            corpus,
            run("again"),
            "steps=1",
            "init.run=" + written.init().run(),
            "init.checkpoint=6",
            "init.sha256=" + written.init().sha256());
    assertEquals(once.weightsSha256(), again.weightsSha256());
  }

  @Test
  void takesAnotherCheckpointWhereOneIsNamed() {
    Summary old =
        TinyTraining.train(spark, corpus, run("old"), warm("steps=0", "init.checkpoint=2"));
    assertNotEquals(begun.weightsSha256(), old.weightsSha256());
    assertTrue(refused(corpus, "init.checkpoint=5").startsWith("init.run: "));
  }

  @Test
  void theShapeIsTheRunsUnlessItIsGiven() {
    TrainingConfig config =
        ConfigReader.read(
            "test",
            "a text",
            "steps = 1, model.precision = bfloat16",
            List.of("init.run=" + first),
            warning -> {},
            Runs.beginnings(TinyTraining.storage()));
    assertEquals(16, config.model().width());
    assertEquals(2, config.model().layers());
    assertEquals("BFLOAT16", config.model().precision().name());
    String message = refused(corpus, "model.width=32", "model.bias=true");
    assertThat(message).contains("model.bias: false → true; model.width: 16 → 32");
    assertThat(refused(corpus, "corpus.tokenizer=bpe")).contains("corpus.tokenizer");
  }

  @Test
  void theKlTermPullsToTheRunsWeights() {
    String[] still = warm(KL_TO_THE_START, "steps=1", "learner.updatesPerStep=1");
    TinyTraining.train(spark, corpus, run("kl"), still);
    JsonNode update = TinyTraining.metrics(run("kl")).get(0);
    // To a random policy of this seed it is far.
    assertEquals(0, update.path("reference_kl").asDouble(), 1e-6);
    TinyTraining.train(
        spark, corpus, run("moved"), warm(KL_TO_THE_START, "steps=3", "learner.kl.weight=0"));
    List<JsonNode> moved = TinyTraining.metrics(run("moved"));
    assertTrue(moved.get(moved.size() - 2).path("reference_kl").asDouble() > 1e-4, "" + moved);
  }

  @Test
  void onExecutorsItIsTheSamePull() {
    Summary driver =
        TinyTraining.train(
            spark, corpus, run("driver"), warm(KL_TO_THE_START, "learner.updatesPerStep=1"));
    Summary executors =
        TinyTraining.train(
            spark,
            corpus,
            run("executors"),
            warm(KL_TO_THE_START, "learner.updatesPerStep=1", "learner.placement=executors"));
    assertEquals(driver.valCe(), executors.valCe(), 1e-4);
  }

  @Test
  void resumedItEndsInTheSameBits() {
    String[] settings = warm(KL_TO_THE_START, "steps=4");
    Summary whole = TinyTraining.train(spark, corpus, run("whole"), settings);
    assertTrue(TinyTraining.trainUntil(2, spark, corpus, run("cut"), settings).isEmpty());
    assertEquals(
        whole.weightsSha256(),
        TinyTraining.resume(spark, corpus, run("cut"), settings).weightsSha256());
  }

  @Test
  void resumedWithoutAPullItNeedsTheOtherRunNoMore() throws IOException {
    Path source = run("source");
    TinyTraining.train(spark, corpus, source, "steps=1");
    String[] settings = {"init.run=" + source, "steps=4"};
    Summary whole = TinyTraining.train(spark, corpus, run("alone"), settings);
    assertTrue(TinyTraining.trainUntil(2, spark, corpus, run("left"), settings).isEmpty());
    TinyTraining.storage().delete(source.toString());
    assertEquals(
        whole.weightsSha256(),
        TinyTraining.resume(spark, corpus, run("left"), settings).weightsSha256());
  }

  @Test
  void anotherTextIsReadInTheRunsVocabulary() throws IOException {
    String text = Files.readString(corpus);
    // A text of few characters would have a vocabulary of its own.
    Path few = Files.writeString(folder.resolve("few.txt"), text.replaceAll("[^aeiou \n]", ""));
    Summary trained = TinyTraining.train(spark, few, run("few"), warm("steps=1"));
    assertEquals(begun.parameters(), trained.parameters());
    String before = tokenizer(first);
    assertEquals(before, tokenizer(run("few")));
    Path unknown = Files.writeString(folder.resolve("unknown.txt"), text + "\u00e9");
    String message = refused(unknown);
    assertTrue(message.contains("U+00E9") && message.startsWith("init.run: "), message);
  }

  private static String tokenizer(Path run) {
    return CheckpointFolder.find(TinyTraining.storage(), run.toString(), CheckpointFolder.NEWEST)
        .tokenizer(TinyTraining.storage())
        .toJson();
  }

  @Test
  void whatIsMissingOrAnotherIsRefused() {
    assertThat(refused(corpus, "init.sha256=" + "0".repeat(64))).contains("not the expected 0000");
    String message =
        assertThrows(
                UserError.class,
                () ->
                    TinyTraining.training(
                        corpus,
                        run("refused"),
                        false,
                        TrainingListener.NONE,
                        "init.run=" + run("nowhere")))
            .getMessage();
    assertTrue(message.contains("init.run: ") && message.contains("holds no run"), message);
  }

  @Test
  void aSplitThatTheRunHasSeenIsSaid() {
    List<String> warnings = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void warned(String warning) {
            warnings.add(warning);
          }
        };
    TinyTraining.training(
            corpus, run("seen"), false, listener, warm("corpus.validationFraction=0.2"))
        .close();
    assertEquals(1, warnings.size());
    assertThat(warnings.get(0)).contains("has seen part of this run's validation split");
  }
}
