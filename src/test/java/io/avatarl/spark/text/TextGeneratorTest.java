package io.avatarl.spark.text;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.window;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.UserError;
import io.avatarl.corpus.RandomStream;
import io.avatarl.files.Sha256;
import io.avatarl.files.Storage;
import io.avatarl.model.SavedModel;
import io.avatarl.spark.TextGenerator;
import io.avatarl.train.FinishedRun;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.MetadataBuilder;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A column of texts continued, in every way a query can come. */
class TextGeneratorTest {
  private static final int TOKENS = 25;
  private static final StructType SCHEMA =
      new StructType().add("id", DataTypes.IntegerType).add("prompt", DataTypes.StringType);

  @TempDir static Path folder;
  private static SparkSession spark;
  private static Path run;

  @BeforeAll
  static void start() throws IOException {
    spark = FinishedRun.spark();
    run = FinishedRun.of(spark, folder);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static TextGenerator generator() {
    return new TextGenerator()
        .setInputCol("prompt")
        .setOutputCol("text")
        .setModelUrl(run.toString())
        .setMaxNewTokens(TOKENS);
  }

  private static List<String> prompts() {
    List<String> prompts = new ArrayList<>();
    String[] words = {"the", "The king ", "a", "What ", "and then the lord of the old house", "\n"};
    for (int i = 0; i < 40; i++) {
      prompts.add(words[i % words.length] + "abcdefghi".charAt(i % 9));
    }
    return prompts;
  }

  private static Dataset<Row> rows(List<String> prompts, int partitions) {
    List<Row> rows = new ArrayList<>();
    for (String prompt : prompts) {
      rows.add(RowFactory.create(rows.size(), prompt));
    }
    return spark.createDataFrame(rows, SCHEMA).repartition(partitions);
  }

  private static Map<Integer, String> texts(Dataset<Row> result) {
    Map<Integer, String> texts = new HashMap<>();
    for (Row row : result.collectAsList()) {
      texts.put(row.getInt(0), row.getAs("text"));
    }
    return texts;
  }

  @Test
  void columnsKeepWhatIsKnownOfThem() {
    Metadata comment = new MetadataBuilder().putString("comment", "what to continue").build();
    Dataset<Row> input =
        rows(List.of("the"), 1).select(col("id"), col("prompt").as("prompt", comment));
    Dataset<Row> result = generator().transform(input);
    assertEquals(comment, result.schema().apply("prompt").metadata());
    assertEquals(List.of("id", "prompt", "text"), List.of(result.columns()));
    assertEquals("the", result.first().getString(1));
  }

  @Test
  void aStreamKeepsItsWatermark() {
    Dataset<Row> stream =
        spark
            .readStream()
            .format("rate")
            .load()
            .withWatermark("timestamp", "1 minute")
            .withColumn("prompt", lit("the"));
    StructType schema = generator().transform(stream).schema();
    assertEquals(
        stream.schema().apply("timestamp").metadata(), schema.apply("timestamp").metadata());
    assertTrue(schema.apply("timestamp").metadata().contains("spark.watermarkDelayMs"));
  }

  /** Files that come one after the other, continued, then counted by windows of time. */
  @Test
  void aStreamIsContinuedAndItsWatermarkClosesWindows() throws Exception {
    Path source = Files.createDirectories(folder.resolve("stream"));
    Dataset<Row> stream =
        spark
            .readStream()
            .schema("at timestamp, prompt string")
            .option("maxFilesPerTrigger", 1)
            .json(source.toString())
            .withWatermark("at", "1 minute");
    Dataset<Row> continued = generator().transform(stream);
    String line = "{\"at\": \"2026-01-01T00:%02d:00Z\", \"prompt\": %s}\n";
    Files.writeString(
        source.resolve("1.json"),
        String.format(line, 0, "\"the \"") + String.format(line, 0, "null"));
    StreamingQuery rows = continued.writeStream().format("memory").queryName("continued").start();
    Dataset<Row> windows =
        continued
            .groupBy(window(col("at"), "1 minute"))
            .agg(count("text").as("texts"), count(lit(1)).as("rows"));
    StreamingQuery counted =
        windows.writeStream().format("memory").queryName("counted").outputMode("append").start();
    try {
      rows.processAllAvailable();
      counted.processAllAvailable();
      Files.writeString(source.resolve("2.json"), String.format(line, 30, "\"The king \""));
      rows.processAllAvailable();
      counted.processAllAvailable();
      // The watermark stands at 00:29: the first window is closed, this row is too late for it.
      Files.writeString(source.resolve("3.json"), String.format(line, 0, "\"a\""));
      rows.processAllAvailable();
      counted.processAllAvailable();
    } finally {
      rows.stop();
      counted.stop();
    }
    List<Row> windowsClosed = spark.table("counted").select("texts", "rows").collectAsList();
    assertEquals(List.of(RowFactory.create(1L, 2L)), windowsClosed);
    Dataset<Row> whole = spark.read().schema("at timestamp, prompt string").json(source.toString());
    assertEquals(
        generator().transform(whole).select("prompt", "text").orderBy("text").collectAsList(),
        spark.table("continued").select("prompt", "text").orderBy("text").collectAsList());
    assertEquals(4, spark.table("continued").count());
  }

  @Test
  void columnsAreFoundAsSparkFindsThem() {
    Dataset<Row> rows = rows(List.of("the"), 1);
    assertEquals(
        texts(generator().transform(rows)),
        texts(generator().setInputCol("Prompt").transform(rows)));
    assertThrows(UserError.class, () -> generator().setOutputCol("ID").transform(rows));
    spark.conf().set("spark.sql.caseSensitive", true);
    try {
      assertThrows(UserError.class, () -> generator().setInputCol("Prompt").transform(rows));
      assertEquals(
          List.of("id", "prompt", "ID"),
          List.of(generator().setOutputCol("ID").transform(rows).columns()));
    } finally {
      spark.conf().unset("spark.sql.caseSensitive");
    }
  }

  @ParameterizedTest
  @CsvSource({"1,100,0.8", "3,7,0.8", "2,1,0.8", "2,16,0", "1,40,2"})
  void everyRowGetsWhatThePolicyGivesItAlone(int partitions, int batch, double temperature) {
    Map<Integer, String> texts =
        texts(
            generator()
                .setSeed(5)
                .setTemperature(temperature)
                .setBatchSize(batch)
                .transform(rows(prompts(), partitions)));
    SavedModel model = SavedModel.load(new Storage(new Configuration()), run.toString());
    try (ModelReplica replica = ModelReplica.acquire(model)) {
      for (int i = 0; i < prompts().size(); i++) {
        String prompt = prompts().get(i);
        String digest = Sha256.of(prompt.getBytes(StandardCharsets.UTF_8));
        StringBuilder expected = new StringBuilder();
        replica
            .policy()
            .generate(
                model.tokenizer().encode(prompt),
                TOKENS,
                temperature,
                RandomStream.of(
                    5,
                    0,
                    Long.parseUnsignedLong(digest.substring(0, 16), 16),
                    RandomStream.Purpose.SAMPLING),
                token -> {
                  expected.append(model.tokenizer().decode(token));
                  return true;
                });
        assertEquals(expected.toString(), texts.get(i), prompt);
      }
    }
    assertEquals(prompts().size(), texts.size());
  }

  @Test
  void anotherSeedAnotherText() {
    Dataset<Row> rows = rows(prompts(), 2);
    assertEquals(texts(generator().transform(rows)), texts(generator().transform(rows)));
    assertNotEquals(
        texts(generator().transform(rows)), texts(generator().setSeed(2).transform(rows)));
  }

  @Test
  void aModelIsLoadedOnceAndFewAreKept() {
    texts(generator().transform(rows(prompts(), 4)));
    long loads = ModelReplica.loads();
    texts(generator().setSeed(9).transform(rows(prompts(), 4)));
    assertEquals(loads, ModelReplica.loads());
    for (int step : new int[] {2, 4, 6}) {
      String checkpoint = run.resolve("checkpoints/step-00000" + step).toString();
      texts(generator().setModelUrl(checkpoint).transform(rows(prompts(), 4)));
    }
    assertTrue(ModelReplica.count() <= ModelReplica.KEPT);
  }

  @Test
  void nullGivesNullAndOtherColumnsStay() {
    List<String> prompts = new ArrayList<>(List.of("the"));
    prompts.add(null);
    Map<Integer, String> texts = texts(generator().transform(rows(prompts, 1)));
    assertEquals(TOKENS, texts.get(0).length());
    assertNull(texts.get(1));
    Dataset<Row> nothing = generator().transform(rows(List.of(), 1));
    assertEquals(0, nothing.count());
    assertEquals(List.of("id", "prompt", "text"), List.of(nothing.columns()));
  }

  @Test
  void aQueryThatStopsEarlyLetsTheModelGo() {
    generator().setBatchSize(1).transform(rows(prompts(), 1)).limit(2).collectAsList();
    assertTrue(ModelReplica.count() <= ModelReplica.KEPT + 1);
    texts(generator().transform(rows(prompts(), 1)));
  }

  @Test
  void worksInAPipelineThatIsSavedAndLoaded() throws IOException {
    TextGenerator generator = generator().setSeed(1L << 40).setTemperature(0.5).setBatchSize(3);
    Pipeline pipeline = new Pipeline().setStages(new PipelineStage[] {generator});
    Dataset<Row> rows = rows(prompts(), 2);
    PipelineModel fitted = pipeline.fit(rows);
    Map<Integer, String> expected = texts(fitted.transform(rows));
    assertEquals(texts(generator.transform(rows)), expected);

    String saved = folder.resolve("fitted").toString();
    fitted.write().overwrite().save(saved);
    PipelineModel loaded = PipelineModel.load(saved);
    assertEquals(expected, texts(loaded.transform(rows)));
    TextGenerator stage = assertInstanceOf(TextGenerator.class, loaded.stages()[0]);
    assertEquals(generator.uid(), stage.uid());
    assertEquals(1L << 40, stage.getSeed());

    String alone = folder.resolve("alone").toString();
    generator.save(alone);
    assertEquals(expected, texts(TextGenerator.load(alone).transform(rows)));
  }

  @Test
  void parametersAreDocumentedAndCopied() {
    TextGenerator generator = generator().setSeed(3);
    String explained = generator.explainParams();
    for (String name :
        List.of(
            "inputCol",
            "outputCol",
            "modelUrl",
            "maxNewTokens",
            "temperature",
            "seed",
            "batchSize")) {
      assertThat(explained).contains(name + ": ");
    }
    TextGenerator copy =
        generator.copy(
            new org.apache.spark.ml.param.ParamMap().put(generator.temperature(), (Object) 0.0));
    assertEquals(3, copy.getSeed());
    assertEquals(0, copy.getTemperature());
    assertEquals(0.8, generator.getTemperature());
    assertThrows(RuntimeException.class, () -> generator.setMaxNewTokens(0));
    assertThrows(RuntimeException.class, () -> generator.setTemperature(-1));
  }

  private static String refusal(Runnable action) {
    Throwable thrown = assertThrows(Exception.class, action::run);
    while (thrown != null && !(thrown instanceof UserError)) {
      thrown = thrown.getCause();
    }
    assertTrue(thrown instanceof UserError);
    assertThat(thrown.getMessage()).doesNotContain("\n");
    return thrown.getMessage();
  }

  @ParameterizedTest
  @ValueSource(strings = {"fine € not", ""})
  void aTextThatCannotBeContinuedIsNamed(String text) {
    String message = refusal(() -> texts(generator().transform(rows(List.of("the", text), 1))));
    assertThat(message)
        .contains(text.isEmpty() ? "empty text" : "\"fine € not\": Character U+20AC");
  }

  @Test
  void whatIsWrongIsSaidBeforeAnythingRuns() {
    Dataset<Row> rows = rows(List.of("the"), 1);
    assertTrue(
        refusal(() -> generator().setInputCol("promt").transform(rows))
            .contains("no column promt to continue; there are id, prompt"));
    assertTrue(refusal(() -> generator().setInputCol("id").transform(rows)).contains("type int"));
    assertTrue(refusal(() -> generator().setOutputCol("id").transform(rows)).contains("already"));
    assertTrue(
        refusal(() -> new TextGenerator().setInputCol("prompt").transform(rows))
            .contains("setModelUrl was not called"));
    assertTrue(refusal(() -> new TextGenerator().transform(rows)).contains("setInputCol"));
    String empty = folder.resolve("no-run").toString();
    assertTrue(
        refusal(() -> generator().setModelUrl(empty).transform(rows))
            .contains(empty + ": holds no model"));
  }

  @Test
  void aDamagedModelIsRefused() throws IOException {
    Path damaged = Files.createDirectories(folder.resolve("damaged"));
    try (var files = Files.list(run.resolve("checkpoints/step-000006"))) {
      for (Path file : files.toList()) {
        Files.copy(file, damaged.resolve(file.getFileName()));
      }
    }
    Files.writeString(damaged.resolve("tokenizer.json"), "{}");
    assertTrue(
        refusal(() -> generator().setModelUrl(damaged.toString()).transform(rows(List.of(), 1)))
            .contains("tokenizer.json: damaged"));
  }

  @Test
  void datasetsOfStringsAreFineToo() {
    Dataset<String> strings = spark.createDataset(List.of("the", "a"), Encoders.STRING());
    assertEquals(2, generator().setInputCol("value").transform(strings).count());
  }
}
