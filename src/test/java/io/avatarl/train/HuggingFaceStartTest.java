package io.avatarl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.interchange.HuggingFaceModel;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.ParameterLayout;
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

/** A run that begins with a model in a folder of Hugging Face's transformers. */
class HuggingFaceStartTest {
  private static final String[] GPT2 = {
    "model.norm=layer",
    "model.positions=learned",
    "model.activation=gelu-tanh",
    "model.qkNorm=false",
    "model.bias=true",
    "corpus.tokenizer=bpe",
    "corpus.bpe.merges=50"
  };

  @TempDir static Path folder;
  private static Path corpus;
  private static Path model;
  private static Path gpt2;
  private static Summary begun;
  private static Summary begunGpt2;
  private static SparkSession spark;

  @BeforeAll
  static void trainAndExport() throws IOException {
    spark = TinyTraining.spark("local[2]", Map.of());
    corpus = TinyTraining.corpus(folder);
    begun = TinyTraining.train(spark, corpus, folder.resolve("first"));
    model = export("first");
    begunGpt2 = TinyTraining.train(spark, corpus, folder.resolve("first-gpt2"), GPT2);
    gpt2 = export("first-gpt2");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Path export(String run) throws IOException {
    var storage = TinyTraining.storage();
    TrainingConfig config = Runs.config(storage, folder.resolve(run).toString());
    CheckpointFolder checkpoint =
        CheckpointFolder.find(storage, folder.resolve(run).toString(), CheckpointFolder.NEWEST);
    Tokenizer tokenizer = checkpoint.tokenizer(storage);
    Path out = Files.createDirectories(folder.resolve(run + "-exported"));
    for (Map.Entry<String, byte[]> file :
        HuggingFaceModel.files(
                config.model(),
                tokenizer,
                checkpoint.parameters(
                    storage, ParameterLayout.of(config.model(), tokenizer.vocabularySize())))
            .entrySet()) {
      Files.write(out.resolve(file.getKey()), file.getValue());
    }
    return out;
  }

  private static Summary train(String name, Path text, Path from, String... overrides) {
    List<String> all = new ArrayList<>(List.of(overrides));
    all.add("init.hf=" + from);
    return TinyTraining.train(spark, text, folder.resolve(name), all.toArray(String[]::new));
  }

  /** The same bits and so the same figures, after export and import. */
  @Test
  void beginsWithItsWeightsAndVocabulary() throws IOException {
    Summary none = train("none", corpus, model, "steps=0");
    assertEquals(begun.weightsSha256(), none.weightsSha256());
    assertEquals(begun.valCe(), none.valCe());
    TrainingConfig written = Runs.config(TinyTraining.storage(), folder.resolve("none").toString());
    assertEquals(begun.weightsSha256(), written.init().sha256());
    // A text of few characters would have a vocabulary of its own.
    Path few =
        Files.writeString(
            folder.resolve("few.txt"), Files.readString(corpus).replaceAll("[^aeiou \n]", ""));
    Summary trained = train("few", few, model, "steps=1");
    assertEquals(begun.parameters(), trained.parameters());
    assertNotEquals(begun.weightsSha256(), trained.weightsSha256());
  }

  @Test
  void gpt2TrainsOnAndIsResumed() {
    Summary none = train("gpt2-none", corpus, gpt2, with(GPT2, "steps=0"));
    assertEquals(begunGpt2.weightsSha256(), none.weightsSha256());
    assertEquals(begunGpt2.valCe(), none.valCe());
    String[] settings = with(GPT2, "steps=4", "learner.kl.reference=initial", "init.hf=" + gpt2);
    Summary whole = TinyTraining.train(spark, corpus, folder.resolve("whole"), settings);
    assertTrue(
        TinyTraining.trainUntil(2, spark, corpus, folder.resolve("cut"), settings).isEmpty());
    assertEquals(
        whole.weightsSha256(),
        TinyTraining.resume(spark, corpus, folder.resolve("cut"), settings).weightsSha256());
  }

  private static String[] with(String[] some, String... more) {
    List<String> all = new ArrayList<>(List.of(some));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @Test
  void theShapeIsTheFoldersUnlessItIsGiven() {
    TrainingConfig config =
        ConfigReader.read(
            "test",
            "a text",
            "steps = 1, model.precision = bfloat16",
            List.of("init.hf=" + gpt2),
            warning -> {},
            Runs.beginnings(TinyTraining.storage()));
    assertEquals(16, config.model().width());
    assertEquals("LEARNED", config.model().positions().name());
    assertEquals("GELU_TANH", config.model().activation().name());
    assertEquals("BPE", config.corpus().tokenizer().name());
    assertEquals("BFLOAT16", config.model().precision().name());
    String message = refused(model, "model.width=32", "model.bias=true");
    assertThat(message).startsWith("init.hf: " + model + " has another model");
    assertThat(message).contains("model.width: 16 → 32; model.bias: false → true");
    assertThat(refused(gpt2)).contains("corpus.tokenizer: bpe → character");
  }

  private static String refused(Path from, String... overrides) {
    String message =
        assertThrows(UserError.class, () -> train("refused", corpus, from, overrides)).getMessage();
    assertEquals(1, message.lines().count());
    return message;
  }

  @Test
  void whatIsMissingOrAnotherIsRefused() throws IOException {
    assertThat(refused(model, "init.sha256=" + "0".repeat(64))).contains("not the expected 0000");
    assertThat(refused(model, "init.run=x")).contains("leave one out");
    String none = refused(folder.resolve("none-there"));
    assertTrue(none.startsWith("init.hf: ") && none.contains("holds no config.json"), none);
    Path unknown =
        Files.writeString(folder.resolve("unknown.txt"), Files.readString(corpus) + "\u00e9");
    String message =
        assertThrows(UserError.class, () -> train("refused", unknown, model)).getMessage();
    assertTrue(message.startsWith("init.hf: ") && message.contains("U+00E9"), message);
  }
}
