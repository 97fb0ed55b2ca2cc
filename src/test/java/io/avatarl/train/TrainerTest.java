package io.avatarl.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.files.Sha256;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.ParameterLayout;
import io.avatarl.spark.Rollouts;
import io.avatarl.yardstick.NgramBaselines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The whole loop on Spark: bit-identical runs, stop and resume, and what a run leaves on disk. */
class TrainerTest {
  private static final String AHEAD = "rollout.ahead=";
  private static final String SAMPLED = "rollout.exploration=sampled";

  /** What has a state that a checkpoint must keep, or draws random numbers of its own. */
  private static final Map<String, String[]> LADDER =
      Map.of(
          "curriculum",
          new String[] {
            AHEAD + 1,
            SAMPLED,
            "rollout.mixture=0.25",
            "rollout.proposal=ngram",
            "learner.entropy=0.01",
            "learner.kl.reference=ngram",
            "learner.kl.target=0.05",
            "learner.kl.warmup=3",
            "curriculum.stages=[{ name = one, steps = 2, reward { bigram = 1 }, klWeight = 0.5 },"
                + " { name = two, steps = 1, promotion = plateau, patience = 2, threshold = 0.9,"
                + " reward { word = 1 } }, { name = three }]"
          },
          "continuations",
          new String[] {
            SAMPLED,
            "rollout.horizon=4",
            "rollout.samples=3",
            "rollout.credit=sequence",
            "learner.kl.reference=initial",
            "learner.kl.estimator=sampled",
            "learner.kl.target=0.05",
            "curriculum.stages=[{ name = short, steps = 3, horizon = 2 }, { name = long }]"
          },
          "active",
          new String[] {
            AHEAD + 1,
            "rollout.exploration=active",
            "learner.optimizer.kind=muon",
            "learner.kl.reference=last",
            "learner.kl.freeBits=0.001"
          });

  @TempDir static Path folder;
  private static Path corpus;
  private static SparkSession spark;

  /** Uninterrupted runs of one task at a time, by their override. */
  private static Map<String, Summary> onOneCore;

  /** The same for {@link #LADDER}. */
  private static Map<String, Summary> ladderOnOneCore;

  @BeforeAll
  static void start() throws IOException {
    corpus = TinyTraining.corpus(folder);
    spark = TinyTraining.spark("local[1]", Map.of());
    onOneCore =
        List.of(AHEAD + 0, AHEAD + 1, SAMPLED).stream()
            .collect(
                Collectors.toMap(
                    override -> override,
                    override -> TinyTraining.train(spark, corpus, reference(override), override)));
    ladderOnOneCore =
        LADDER.keySet().stream()
            .collect(
                Collectors.toMap(
                    name -> name,
                    name -> TinyTraining.train(spark, corpus, reference(name), LADDER.get(name))));
    spark.stop();
    // Three attempts of a task; in plain local mode the first failure would end the job.
    spark = TinyTraining.spark("local[2,3]", Map.of("spark.plugins", FailingTasks.class.getName()));
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Path reference(String override) {
    return folder.resolve("reference-" + override);
  }

  private static Path fresh(String name, Object... parameters) {
    return folder.resolve(name + List.of(parameters));
  }

  @ParameterizedTest
  @ValueSource(strings = {AHEAD + 0, AHEAD + 1, SAMPLED})
  void theSameWeightsAndRecordsTwiceInARowAndOnOneCoreOrTwo(String override) {
    Summary expected = onOneCore.get(override);
    for (int i = 0; i < 2; i++) {
      Path run = fresh("again", override, i);
      Summary again = TinyTraining.train(spark, corpus, run, override);
      assertEquals(expected.weightsSha256(), again.weightsSha256());
      assertEquals(expected.valCe(), again.valCe());
      assertEquals(expected.valCeSliding(), again.valCeSliding());
      assertEquals(expected.valCalibrationError(), again.valCalibrationError());
      assertEquals(TinyTraining.metrics(reference(override)), TinyTraining.metrics(run));
    }
  }

  @Test
  void anotherSeedOrAWaitForTheNewestWeightsMakesAnotherModel() {
    Set<String> weights = new TreeSet<>();
    onOneCore.values().forEach(summary -> weights.add(summary.weightsSha256()));
    weights.add(TinyTraining.train(spark, corpus, fresh("seed"), "seed=2").weightsSha256());
    assertEquals(4, weights.size());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aTaskThatFailsIsRepeatedWithTheSameResult(int ahead) {
    FailingTasks.failAfter(7);
    Path run = fresh("failing", ahead);
    Summary summary = TinyTraining.train(spark, corpus, run, AHEAD + ahead);
    assertEquals(1, FailingTasks.failed());
    assertEquals(onOneCore.get(AHEAD + ahead).weightsSha256(), summary.weightsSha256());
    assertEquals(TinyTraining.metrics(reference(AHEAD + ahead)), TinyTraining.metrics(run));
    // No row twice, and none missing.
    assertEquals(rollouts(reference(AHEAD + ahead)), rollouts(run));
  }

  private static List<String> rollouts(Path run) {
    List<String> rows =
        Rollouts.read(spark, run.toString()).collectAsList().stream()
            .map(Row::toString)
            .sorted()
            .toList();
    assertFalse(rows.isEmpty());
    return rows;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void stopAndResumeEndsLikeTheUninterruptedRun(int ahead) throws IOException {
    Path run = fresh("stopped", ahead);
    // After an evaluation, between two checkpoints.
    assertTrue(TinyTraining.trainUntil(3, spark, corpus, run, AHEAD + ahead).isEmpty());
    assertFalse(Files.exists(run.resolve("summary.json")));
    assertEquals(3, newest(run).step());
    assertSameAsUninterrupted(ahead, run, TinyTraining.resume(spark, corpus, run, AHEAD + ahead));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void resumesFromAnOlderCheckpointWhereTheNewestIsIncomplete(int ahead) throws IOException {
    Path run = fresh("older", ahead);
    assertTrue(TinyTraining.trainUntil(5, spark, corpus, run, AHEAD + ahead).isEmpty());
    // As if the process had been killed before the last file of a checkpoint.
    Files.delete(run.resolve("checkpoints/step-000005/trainer.json"));
    delete(run.resolve("checkpoints/step-000004"));
    assertEquals(2, newest(run).step());
    assertSameAsUninterrupted(ahead, run, TinyTraining.resume(spark, corpus, run, AHEAD + ahead));
  }

  @Test
  void aRunWithoutACheckpointStartsAgain() throws IOException {
    Path run = fresh("killed early");
    assertTrue(TinyTraining.trainUntil(1, spark, corpus, run, AHEAD + 1).isEmpty());
    delete(run.resolve("checkpoints"));
    assertSameAsUninterrupted(1, run, TinyTraining.resume(spark, corpus, run, AHEAD + 1));
  }

  @Test
  void resumingAFinishedRunRepeatsItsFigures() throws IOException {
    Path run = fresh("finished");
    Summary first = TinyTraining.train(spark, corpus, run);
    Files.delete(run.resolve("summary.json"));
    assertSameAsUninterrupted(0, run, TinyTraining.resume(spark, corpus, run));
    JsonNode again = TinyTraining.json(run.resolve("summary.json"));
    assertTrue(again.path("train_seconds").asDouble() >= 0.5 * first.trainSeconds());
    assertTrue(
        again.path("stage_seconds").path("learn").asDouble()
            >= 0.5 * first.stageSeconds().get("learn"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"curriculum", "continuations", "active"})
  void everyRungOfTheLadderStopsAndResumesBitForBit(String name) {
    Path run = fresh("ladder", name);
    assertTrue(TinyTraining.trainUntil(3, spark, corpus, run, LADDER.get(name)).isEmpty());
    Summary resumed = TinyTraining.resume(spark, corpus, run, LADDER.get(name));
    Summary expected = ladderOnOneCore.get(name);
    assertEquals(expected.weightsSha256(), resumed.weightsSha256());
    assertEquals(expected.valCe(), resumed.valCe());
    assertEquals(expected.groups(), resumed.groups());
    assertEquals(TinyTraining.metrics(reference(name)), TinyTraining.metrics(run));
  }

  @Test
  void theCurriculumIsInTheRecords() {
    List<JsonNode> updates =
        TinyTraining.metrics(reference("curriculum")).stream()
            .filter(record -> record.path("kind").asText().equals("update"))
            .toList();
    assertEquals(
        List.of(
            "one", "one", "one", "one", "two", "two", "two", "two", "two", "two", "three", "three"),
        updates.stream().map(record -> record.path("stage").asText()).toList());
    // Warm-up over three updates, half the weight in the first stage.
    double[] first = {0.1 / 3 / 2, 0.2 / 3 / 2};
    for (int i = 0; i < 2; i++) {
      assertEquals(first[i], updates.get(i).path("kl_weight").asDouble(), 1e-12);
    }
    assertTrue(updates.get(0).path("reference_kl").asDouble() > 0.05);
    // Far above the target: the controller raises the weight by the most after each step.
    assertEquals(0.1 / 2 * 1.02, updates.get(2).path("kl_weight").asDouble(), 1e-12);
    assertEquals(0.1 * 1.02 * 1.02, updates.get(4).path("kl_weight").asDouble(), 1e-12);
  }

  private static void assertSameAsUninterrupted(int ahead, Path run, Summary summary) {
    Summary expected = onOneCore.get(AHEAD + ahead);
    assertEquals(expected.weightsSha256(), summary.weightsSha256());
    assertEquals(expected.valCe(), summary.valCe());
    assertEquals(expected.updates(), summary.updates());
    assertEquals(expected.groups(), summary.groups());
    assertEquals(expected.rollouts(), summary.rollouts());
    assertEquals(TinyTraining.metrics(reference(AHEAD + ahead)), TinyTraining.metrics(run));
  }

  private static CheckpointFolder newest(Path run) {
    return CheckpointFolder.find(TinyTraining.storage(), run.toString(), CheckpointFolder.NEWEST);
  }

  private static void delete(Path tree) throws IOException {
    try (var files = Files.walk(tree)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void keepsTheNewestCheckpoints() {
    List<Long> steps =
        CheckpointFolder.list(TinyTraining.storage(), reference(AHEAD + 0).toString()).stream()
            .map(CheckpointFolder::step)
            .toList();
    assertEquals(List.of(2L, 4L, 6L), steps);
    Path run = fresh("kept");
    TinyTraining.train(spark, corpus, run, "checkpoint.keep=1");
    assertEquals(
        List.of(6L),
        CheckpointFolder.list(TinyTraining.storage(), run.toString()).stream()
            .map(CheckpointFolder::step)
            .toList());
  }

  @Test
  void theRunsOwnConfigurationRepeatsIt() throws IOException {
    Path run = reference(AHEAD + 1);
    TrainingConfig config =
        ConfigReader.read("config", Files.readString(run.resolve("config.conf")), List.of());
    assertEquals("trial", config.preset());
    assertEquals(Sha256.of(Files.readAllBytes(corpus)), config.corpus().sha256());
    Path copy = fresh("repeated");
    Summary again =
        new Trainer(
                TinyTraining.storage(),
                config,
                new CorpusSource(TinyTraining.storage(), folder.toString(), Map.of()),
                copy.toString(),
                false,
                TrainingListener.NONE,
                NgramBaselines::of)
            .run(spark)
            .orElseThrow();
    assertEquals(onOneCore.get(AHEAD + 1).weightsSha256(), again.weightsSha256());
    assertEquals(
        Files.readString(run.resolve("config.conf")),
        Files.readString(copy.resolve("config.conf")));
  }

  @Test
  void evaluatingTheCheckpointRepeatsTheFiguresExactly() throws IOException {
    Path run = reference(AHEAD + 0);
    TrainingConfig config = Runs.config(TinyTraining.storage(), run.toString());
    Corpus text =
        Corpus.of("play", Files.readAllBytes(corpus), config.corpus().validationFraction());
    ConcurrentSkipListMap<Long, Long> scored = new ConcurrentSkipListMap<>();
    FinalEvaluation scores =
        FinalEvaluation.of(
            spark,
            config,
            text,
            newest(run)
                .parameters(
                    TinyTraining.storage(),
                    ParameterLayout.of(config.model(), text.tokenizer().vocabularySize())),
            (done, of) -> scored.put(done, of));
    assertEquals(1, Set.copyOf(scored.values()).size());
    assertEquals(scored.lastEntry().getValue(), scored.lastKey());
    Summary summary = onOneCore.get(AHEAD + 0);
    assertEquals(summary.valCe(), scores.consecutive().crossEntropy());
    assertEquals(summary.valCeSliding(), scores.sliding().crossEntropy());
    assertEquals(summary.valPerplexity(), scores.consecutive().perplexity());
    assertEquals(summary.valAccuracy(), scores.consecutive().accuracy());
    assertEquals(summary.valCalibrationError(), scores.consecutive().calibrationError());
    assertEquals(text.validation().length - 1, scores.consecutive().positions());
  }

  @Test
  void theSummaryHasEveryKey() throws IOException {
    JsonNode summary = TinyTraining.json(reference(AHEAD + 0).resolve("summary.json"));
    assertEquals(
        List.of(
            "val_ce",
            "val_ce_sliding",
            "val_bits_per_character",
            "val_perplexity",
            "val_accuracy",
            "val_calibration_error",
            "val_positions",
            "entropy",
            "reward",
            "baselines",
            "corpus",
            "corpus_sha256",
            "parameters",
            "steps",
            "updates",
            "groups",
            "rollouts",
            "train_seconds",
            "groups_per_second",
            "stage_seconds",
            "bytes_per_step",
            "weights_sha256",
            "spark_version",
            "preset",
            "seed"),
        names(summary));
    assertEquals(
        List.of("unigram", "bigram", "trigram", "4-gram", "5-gram"),
        names(summary.path("baselines")));
    assertTrue(summary.path("baselines").path("bigram").path("ce").isNumber());
    assertTrue(summary.path("baselines").path("bigram").path("accuracy").isNumber());
    Set<String> stages = new TreeSet<>(names(summary.path("stage_seconds")));
    assertTrue(
        stages.containsAll(
            List.of("rollout", "reward", "transfer", "learn", "broadcast", "evaluate")));
    assertEquals(12, summary.path("updates").asInt());
    assertEquals(6 * 2 * 4 * 16, summary.path("groups").asInt());
    assertEquals("trial", summary.path("preset").asText());
    assertEquals(spark.version(), summary.path("spark_version").asText());
    assertEquals(corpus.toString(), summary.path("corpus").asText());
  }

  private static List<String> names(JsonNode object) {
    return object.properties().stream().map(Map.Entry::getKey).toList();
  }

  @Test
  void metricsAreATableForSpark() {
    List<Row> metrics =
        spark.read().json(reference(AHEAD + 0).resolve("metrics").toString()).collectAsList();
    List<Row> updates =
        metrics.stream()
            .filter(row -> row.getAs("kind").equals("update"))
            .sorted(Comparator.comparing(row -> row.<Long>getAs("update")))
            .toList();
    assertEquals(12, updates.size());
    for (int i = 0; i < updates.size(); i++) {
      Row row = updates.get(i);
      assertEquals(i + 1L, row.<Long>getAs("update"));
      assertEquals(i / 2 + 1L, row.<Long>getAs("step"));
      // Each step explores with the newest weights.
      assertEquals((long) i / 2, row.<Long>getAs("policy_version"));
      for (String column :
          List.of("loss", "reward", "entropy", "accuracy", "gradient_norm", "learning_rate")) {
        assertTrue(Double.isFinite(row.<Double>getAs(column)), column);
      }
    }
    // The one after the last step is for choosing the best checkpoint; the summary's is of the
    // whole
    // split.
    List<Row> evaluations =
        metrics.stream()
            .filter(row -> row.getAs("kind").equals("evaluation"))
            .sorted(Comparator.comparing(row -> row.<Long>getAs("step")))
            .toList();
    assertEquals(2, evaluations.size());
    assertEquals(3L, evaluations.get(0).<Long>getAs("step"));
    assertEquals(6L, evaluations.get(0).<Long>getAs("update"));
    assertTrue(evaluations.get(0).<Double>getAs("val_ce") > 0);
  }

  @Test
  void oneStepAheadExploresWithTheWeightsBefore() {
    List<Long> versions =
        TinyTraining.metrics(reference(AHEAD + 1)).stream()
            .filter(record -> record.path("kind").asText().equals("update"))
            .map(record -> record.path("policy_version").asLong())
            .distinct()
            .toList();
    assertEquals(List.of(0L, 1L, 2L, 3L, 4L), versions);
  }

  @Test
  void jobDescriptionsSayWhatRuns() throws TimeoutException {
    ConcurrentLinkedQueue<String> descriptions = new ConcurrentLinkedQueue<>();
    SparkListener listener =
        new SparkListener() {
          @Override
          public void onJobStart(SparkListenerJobStart start) {
            descriptions.add(
                String.valueOf(start.properties().getProperty("spark.job.description")));
          }
        };
    spark.sparkContext().addSparkListener(listener);
    TinyTraining.train(spark, corpus, fresh("described"), "steps=2", "evaluation.every=1");
    // The jobs are over, but their events may not all have arrived.
    spark.sparkContext().listenerBus().waitUntilEmpty();
    spark.sparkContext().removeSparkListener(listener);
    assertEquals(
        List.of(
            "before step 1: snapshot",
            "step 1: rollouts",
            "step 2: rollouts",
            "step 1: evaluation",
            "step 2: evaluation",
            "step 2: snapshot",
            "final evaluation: consecutive windows",
            "final evaluation: sliding windows"),
        List.copyOf(descriptions));
  }

  @Test
  void zeroStepsLeaveTheRandomModel() {
    Summary summary = TinyTraining.train(spark, corpus, fresh("nothing"), "steps=0");
    assertEquals(0, summary.updates());
    assertEquals(0, newest(fresh("nothing")).step());
    assertNotEquals(onOneCore.get(AHEAD + 0).weightsSha256(), summary.weightsSha256());
  }
}
