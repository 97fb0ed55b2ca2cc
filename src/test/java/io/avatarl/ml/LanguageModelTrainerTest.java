package io.avatarl.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.UserError;
import io.avatarl.corpus.GeneratedPlay;
import io.avatarl.jobs.Training;
import io.avatarl.spark.TextGenerator;
import io.avatarl.train.FinishedRun;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.evaluation.Evaluator;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.ParamPair;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.CrossValidatorModel;
import org.apache.spark.ml.tuning.ParamGridBuilder;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The estimator as Spark ML's pipelines and searches use it. */
class LanguageModelTrainerTest {
  private static final StructType SCHEMA =
      new StructType().add("id", DataTypes.IntegerType).add("text", DataTypes.StringType);

  @TempDir static Path folder;
  private static SparkSession spark;
  private static Path preset;
  private static Dataset<Row> texts;

  @BeforeAll
  static void start() throws IOException {
    spark = FinishedRun.spark();
    preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    texts = rows(1, 3);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** Scenes of a play in an order of the seed's, with a row that has no text. */
  private static Dataset<Row> rows(long seed, int partitions) {
    String play = GeneratedPlay.write(7, 20_000);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      rows.add(RowFactory.create(i, play.substring(i * 500, (i + 1) * 500)));
    }
    rows.add(RowFactory.create(-1, null));
    Collections.shuffle(rows, new Random(seed));
    return spark.createDataFrame(rows, SCHEMA).repartition(partitions);
  }

  private static LanguageModelTrainer trainer(String run) {
    return new LanguageModelTrainer()
        .setInputCol("text")
        .setOutputCol("continuation")
        .setPreset(preset.toString())
        .setSettings(Map.of("evaluation.every", 2, "sample.count", 0))
        .setOut(folder.resolve(run).toString())
        .setVerbose(false);
  }

  private static JsonNode summary(String run) throws IOException {
    return new ObjectMapper().readTree(Path.of(run, "summary.json").toFile());
  }

  private static String weights(TextGenerator model) throws IOException {
    return summary(model.getModelUrl()).path("weights_sha256").asText();
  }

  @Test
  void fitLeavesARunAndAModelThatContinuesTexts() throws IOException {
    LanguageModelTrainer trainer = trainer("fitted").setSteps(4).setSeed(5);
    TextGenerator model = trainer.fit(texts);
    assertEquals(folder.resolve("fitted").toString(), model.getModelUrl());
    assertSame(trainer, model.parent());
    assertSame(trainer, model.copy(new ParamMap()).parent());
    assertEquals(4, summary(model.getModelUrl()).path("steps").asInt());
    assertEquals(5, summary(model.getModelUrl()).path("seed").asInt());
    Row row = model.setMaxNewTokens(7).transform(texts.where("id = 3")).first();
    assertEquals(7, row.<String>getAs("continuation").length());
    for (String file : List.of("config.conf", "report.html", "metrics", "rollouts")) {
      assertTrue(Files.exists(folder.resolve("fitted").resolve(file)), file);
    }
  }

  @Test
  void theSameRowsInOtherPartitionsGiveTheSameBits() throws IOException {
    String weights = weights(trainer("rows").setSteps(3).fit(texts));
    assertEquals(weights, weights(trainer("rows").setSteps(3).fit(rows(2, 1))));
    assertEquals(weights, weights(trainer("rows").setSteps(3).fit(rows(3, 7))));
    assertNotEquals(
        weights, weights(trainer("rows").setSteps(3).fit(rows(3, 7).where("id <> 20"))));
    // Each fit has a folder of its own.
    assertTrue(Files.exists(folder.resolve("rows-4/summary.json")));
    assertFalse(Files.exists(folder.resolve("rows-5")));
  }

  @Test
  void parametersWinOverSettings() throws IOException {
    TextGenerator model =
        trainer("winning")
            .setSettings(Map.of("steps", 6, "seed", "3", "evaluation.every", 1))
            .setSteps(2)
            .setLearningRate(0.02)
            .setPatience(9)
            .fit(texts);
    String config = Files.readString(Path.of(model.getModelUrl(), "config.conf"));
    for (String line : List.of("steps=2\n", "seed=3\n", "learningRate=0.02\n", "patience=9\n")) {
      assertTrue(config.contains(line), line + config);
    }
  }

  @Test
  void isAStageOfAPipelineThatIsSavedAndLoaded() throws IOException {
    LanguageModelTrainer trainer = trainer("stage").setSteps(2).setSeed(1L << 40);
    Pipeline pipeline = new Pipeline().setStages(new PipelineStage[] {trainer});
    String saved = folder.resolve("saved-pipeline").toString();
    pipeline.write().overwrite().save(saved);
    LanguageModelTrainer loaded =
        assertInstanceOf(LanguageModelTrainer.class, Pipeline.load(saved).getStages()[0]);
    assertEquals(trainer.uid(), loaded.uid());
    assertEquals(trainer.getSettings(), loaded.getSettings());
    assertEquals(Map.of("evaluation.every", "2", "sample.count", "0"), loaded.getSettings());
    assertEquals(trainer.extractParamMap().toSeq().size(), loaded.extractParamMap().size());
    assertFalse(loaded.getVerbose());

    PipelineModel fitted = Pipeline.load(saved).fit(texts);
    String savedModel = folder.resolve("saved-model").toString();
    fitted.save(savedModel);
    Dataset<Row> prompts = texts.where("id < 5 AND text IS NOT NULL").orderBy("id");
    assertEquals(
        fitted.transform(prompts).collectAsList(),
        PipelineModel.load(savedModel).transform(prompts).collectAsList());
    assertEquals(
        weights(trainer.fit(texts)),
        weights((TextGenerator) PipelineModel.load(savedModel).stages()[0]));

    String alone = folder.resolve("alone").toString();
    trainer.save(alone);
    assertEquals(trainer.getOut(), LanguageModelTrainer.load(alone).getOut());
  }

  @Test
  void aSearchVariesItsParameters() throws IOException {
    LanguageModelTrainer trainer = trainer("search");
    // Characters are those of the rows that are not held out; bytes are always known.
    Map<String, ?> settings =
        Map.of(
            "sample.count",
            0,
            "corpus.tokenizer",
            "bpe",
            "corpus.bpe.merges",
            20,
            "learner.optimizer.learningRate",
            0.02);
    ParamMap[] grid =
        new ParamGridBuilder()
            .addGrid(trainer.steps(), new int[] {1, 20})
            .baseOn(new ParamPair<>(trainer.settings(), settings))
            .build();
    CrossValidatorModel searched =
        new CrossValidator()
            .setEstimator(trainer)
            .setEstimatorParamMaps(grid)
            .setEvaluator(new Letters())
            .setNumFolds(2)
            .setParallelism(2)
            .setSeed(1)
            .fit(texts.where("text IS NOT NULL"));
    TextGenerator best = assertInstanceOf(TextGenerator.class, searched.bestModel());
    // 2 parameters in 2 folds, then the best on all rows.
    assertTrue(Files.exists(folder.resolve("search-5/summary.json")));
    assertFalse(Files.exists(folder.resolve("search-6")));
    assertEquals(20, summary(best.getModelUrl()).path("steps").asInt());
    assertTrue(searched.avgMetrics()[1] > searched.avgMetrics()[0]);
  }

  /** The share of continued characters that are small letters: most are, in a play. */
  private static final class Letters extends Evaluator {
    @Override
    public double evaluate(Dataset<?> dataset) {
      String letters = "length(regexp_replace(continuation, '[^a-z ]', '')) / length(continuation)";
      return dataset.selectExpr("avg(" + letters + ")").first().getDouble(0);
    }

    @Override
    public String uid() {
      return "letters";
    }

    @Override
    public Evaluator copy(ParamMap extra) {
      return this;
    }
  }

  @Test
  void progressIsForWhoeverAsks() throws Exception {
    LanguageModelTrainer trainer = trainer("followed").setSteps(2);
    Training training = trainer.start(texts);
    List<String> lines = new ArrayList<>();
    String run = training.follow(lines::add);
    assertEquals(run, trainer.model(run).getModelUrl());
    assertTrue(
        lines.stream().anyMatch(line -> line.contains("1 of 41 documents")), lines.toString());
    assertTrue(lines.stream().anyMatch(line -> line.startsWith("step 2/2")), lines.toString());
  }

  private static String refusal(LanguageModelTrainer trainer, Dataset<Row> rows) {
    UserError early = assertThrows(UserError.class, () -> trainer.transformSchema(rows.schema()));
    assertThat(early.getMessage()).doesNotContain("\n");
    // A pipeline asks before it runs anything.
    UserError late =
        assertThrows(
            UserError.class,
            () -> new Pipeline().setStages(new PipelineStage[] {trainer}).fit(rows));
    assertEquals(early.getMessage(), late.getMessage());
    return early.getMessage();
  }

  @ParameterizedTest
  @CsvSource({
    "stepz,            3, unknown key",
    "learner.clipHigh, x, learner.clipHigh",
    "corpus,        a.txt, the corpus is the DataFrame",
    "corpus.column,  text, call setInputCol",
    "out,           runs/1, call setOut",
    "evaluation.patience, -1, out of range"
  })
  void settingsAreRefusedBeforeAnythingRuns(String key, String value, String says) {
    String message = refusal(trainer("refused").setSettings(Map.of(key, value)), texts);
    assertThat(message).contains(says);
    assertFalse(Files.exists(folder.resolve("refused")));
  }

  @Test
  void columnsAreRefusedBeforeAnythingRuns() {
    assertThat(refusal(trainer("refused").setInputCol("txt"), texts))
        .contains("LanguageModelTrainer: no column txt to train on; there are id, text");
    assertThat(refusal(trainer("refused").setInputCol("id"), texts)).contains("type int");
    assertThat(refusal(trainer("refused").setOutputCol("ID"), texts)).contains("already");
    assertThat(refusal(trainer("refused").setPreset("smok"), texts)).contains("unknown preset");
    assertThat(refusal(new LanguageModelTrainer().setInputCol("text"), texts))
        .contains("setOut was not called");
    assertThat(refusal(new LanguageModelTrainer().setOut("x"), texts))
        .contains("setInputCol was not called");
    Dataset<Row> stream = spark.readStream().format("rate").load().selectExpr("'a' AS text");
    assertTrue(
        assertThrows(UserError.class, () -> trainer("refused").fit(stream))
            .getMessage()
            .contains("a stream has no end"));
    assertFalse(Files.exists(folder.resolve("refused")));
  }

  @Test
  void rowsWithoutTextsAreOneLine() {
    UserError error =
        assertThrows(UserError.class, () -> trainer("nothing").fit(texts.where("text IS NULL")));
    assertThat(error.getMessage()).doesNotContain("\n");
    assertThat(error.getMessage()).contains("the DataFrame");
  }

  @Test
  void parametersAreDocumented() {
    String explained = new LanguageModelTrainer().explainParams();
    for (String name :
        List.of(
            "inputCol",
            "outputCol",
            "preset",
            "settings",
            "out",
            "seed",
            "steps",
            "learningRate",
            "patience",
            "verbose")) {
      assertThat(explained).contains(name + ": ");
    }
  }
}
