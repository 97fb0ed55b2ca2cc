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
import io.avatarl.model.ParameterLayout;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who computes the gradients, and in which precision weights travel. */
class PlacementTest {
  private static final String EXECUTORS = "learner.placement=executors";
  private static final String PRODUCTS = "model.precision=bfloat16";
  private static final String BFLOAT16 = "broadcast.precision=bfloat16";

  /** Everything that could depend on where the gradient is computed. */
  private static final Map<String, List<String>> KINDS =
      Map.of(
          "exhaustive",
          List.of(),
          "curriculum",
          List.of(
              "rollout.exploration=sampled",
              "rollout.mixture=0.25",
              "learner.entropy=0.01",
              "learner.kl.reference=ngram",
              "learner.kl.target=0.05",
              "learner.kl.warmup=3",
              "curriculum.stages=[{ name = one, steps = 2, reward { bigram = 1 }, klWeight = 0.5 },"
                  + " { name = two }]"),
          "continuations",
          List.of(
              "rollout.exploration=sampled",
              "rollout.horizon=4",
              "rollout.samples=3",
              "learner.kl.reference=initial",
              "learner.kl.estimator=sampled"),
          "active",
          List.of("rollout.exploration=active", "learner.kl.reference=initial"),
          "rounded",
          List.of(BFLOAT16),
          "products",
          List.of(PRODUCTS));

  @TempDir static Path folder;
  private static Path corpus;
  private static SparkSession spark;
  private static Map<String, Summary> onOneCore;

  @BeforeAll
  static void start() throws IOException {
    corpus = TinyTraining.corpus(folder);
    spark = TinyTraining.spark("local[1]", Map.of());
    onOneCore =
        KINDS.keySet().stream()
            .collect(
                Collectors.toMap(
                    kind -> kind, kind -> train("one core, " + kind, with(kind, EXECUTORS))));
    spark.stop();
    spark = TinyTraining.spark("local[2,3]", Map.of("spark.plugins", FailingTasks.class.getName()));
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Summary train(String name, String... overrides) {
    return TinyTraining.train(spark, corpus, folder.resolve(name), overrides);
  }

  private static String[] with(String kind, String... more) {
    List<String> all = new ArrayList<>(KINDS.get(kind));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  static List<String> kinds() {
    return List.copyOf(KINDS.keySet());
  }

  /**
   * Not where executors differentiate at the rounded weights and the driver at its own, or where a
   * sum in another order may round to another bfloat16.
   */
  static List<String> exactKinds() {
    return KINDS.keySet().stream()
        .filter(kind -> !List.of("rounded", "products").contains(kind))
        .toList();
  }

  private static void assertSame(String kind, String run, Summary summary) {
    Summary expected = onOneCore.get(kind);
    assertEquals(expected.weightsSha256(), summary.weightsSha256());
    assertEquals(expected.valCe(), summary.valCe());
    assertEquals(expected.groups(), summary.groups());
    assertEquals(
        TinyTraining.metrics(folder.resolve("one core, " + kind)),
        TinyTraining.metrics(folder.resolve(run)));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void executorsLearnTheSameOnOneCoreOrTwoAndWhereATaskFails(String kind) {
    FailingTasks.failAfter(11);
    Summary summary = train("two cores, " + kind, with(kind, EXECUTORS));
    assertEquals(1, FailingTasks.failed());
    assertSame(kind, "two cores, " + kind, summary);
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void executorsStopAndResumeBitForBit(String kind) {
    Path run = folder.resolve("stopped, " + kind);
    assertTrue(TinyTraining.trainUntil(3, spark, corpus, run, with(kind, EXECUTORS)).isEmpty());
    assertSame(
        kind, "stopped, " + kind, TinyTraining.resume(spark, corpus, run, with(kind, EXECUTORS)));
  }

  @ParameterizedTest
  @MethodSource("exactKinds")
  void bothPlacementsLearnTheSameButForTheOrderOfSums(String kind) throws IOException {
    String[] each = {"learner.updatesPerStep=1", "steps=8", "learner.slices=2"};
    String driver = "driver, " + kind;
    String executors = "executors, " + kind;
    train(driver, with(kind, each));
    String[] more = Arrays.copyOf(each, each.length + 1);
    more[each.length] = EXECUTORS;
    train(executors, with(kind, more));
    List<JsonNode> expected = TinyTraining.metrics(folder.resolve(driver));
    List<JsonNode> actual = TinyTraining.metrics(folder.resolve(executors));
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      JsonNode record = actual.get(i);
      expected
          .get(i)
          .properties()
          .forEach(
              field -> {
                String name = field.getKey();
                if (!name.endsWith("_bytes")) {
                  JsonNode value = record.path(name);
                  if (field.getValue().isNumber()) {
                    double x = field.getValue().asDouble();
                    assertEquals(x, value.asDouble(), 2e-4 * Math.abs(x) + 2e-5, name);
                  } else {
                    assertEquals(field.getValue(), value, name);
                  }
                }
              });
    }
    assertEquals(
        spark.read().parquet(folder.resolve(driver).resolve("rollouts").toString()).count(),
        spark.read().parquet(folder.resolve(executors).resolve("rollouts").toString()).count());
    float[] one = weights(driver);
    float[] other = weights(executors);
    double moved = 0;
    for (int i = 0; i < one.length; i++) {
      moved += Math.abs(one[i] - other[i]);
    }
    assertTrue(moved / one.length < 1e-5, "mean difference of a weight: " + moved / one.length);
  }

  @ParameterizedTest
  @ValueSource(strings = {"driver", "executors"})
  void recomputedActivationsChangeNoBit(String placement) {
    String learns = "learner.placement=" + placement;
    assertEquals(
        train("kept, " + placement, learns).weightsSha256(),
        train("recomputed, " + placement, learns, "learner.recompute=true").weightsSha256());
  }

  private static float[] weights(String run) {
    return newest(run).parameters(TinyTraining.storage(), layout(run)).toArray();
  }

  private static ParameterLayout layout(String run) {
    TrainingConfig config = Runs.config(TinyTraining.storage(), folder.resolve(run).toString());
    return ParameterLayout.of(
        config.model(), newest(run).tokenizer(TinyTraining.storage()).vocabularySize());
  }

  private static CheckpointFolder newest(String run) {
    return CheckpointFolder.find(
        TinyTraining.storage(), folder.resolve(run).toString(), CheckpointFolder.NEWEST);
  }

  @Test
  void everyUpdateOnExecutorsExploresWithTheNewestWeights() {
    List<JsonNode> updates =
        TinyTraining.metrics(folder.resolve("one core, exhaustive")).stream()
            .filter(record -> record.path("kind").asText().equals("update"))
            .toList();
    assertEquals(12, updates.size());
    for (int i = 0; i < updates.size(); i++) {
      assertEquals(i, updates.get(i).path("policy_version").asInt());
      // The ratio is 1: nothing is clipped, and the policy is the one that explored.
      assertEquals(0, updates.get(i).path("clip_fraction").asDouble());
      assertEquals(0, updates.get(i).path("kl").asDouble(), 1e-7);
    }
    // Group numbers count through the rounds: 6 steps of 2 rounds of 4 windows.
    assertEquals(6 * 2 * 4 * 16, onOneCore.get("exhaustive").groups());
    assertEquals(
        0,
        spark
            .read()
            .parquet(folder.resolve("one core, exhaustive").resolve("rollouts").toString())
            .groupBy("group_id", "action")
            .count()
            .where("count > 1")
            .count());
  }

  @Test
  void theBytesAreThoseOfTheNumbers() throws IOException {
    for (String placement : List.of("learner.placement=driver", EXECUTORS)) {
      boolean executors = placement.equals(EXECUTORS);
      Summary summary = train("bytes, " + placement, placement, "steps=2");
      long parameters = 4L * layout("bytes, " + placement).length();
      int vocabulary = layout("bytes, " + placement).parameters().get(0).shape().get(0);
      // Two updates of 4 windows of 16 groups; weights, old log-probabilities, advantages, tokens.
      long groups = 2 * 4 * 16 * 4 * (3L * vocabulary + 1);
      assertEquals(executors ? 2 * parameters : groups, summary.bytesPerStep().get("returned"));
      assertEquals(
          executors ? 2 * parameters : parameters, summary.bytesPerStep().get("broadcast"));
    }
  }

  @Test
  void roundedWeightsAreHalfTheBytesAndTrainAnotherModelThatIsAsGood() {
    Summary exact = train("float32");
    Summary rounded = train("bfloat16", BFLOAT16);
    assertEquals(
        exact.bytesPerStep().get("broadcast"), 2 * rounded.bytesPerStep().get("broadcast"));
    assertNotEquals(exact.weightsSha256(), rounded.weightsSha256());
    assertEquals(exact.valCe(), rounded.valCe(), 0.02);
    assertEquals(rounded.weightsSha256(), train("bfloat16 again", BFLOAT16).weightsSha256());
  }

  /**
   * Which way two such runs part depends on how a processor adds, so no difference of their losses
   * is small everywhere. What holds everywhere: rounded products learn nearly as much of what there
   * was to learn since the uniform policy. PrecisionTest compares the gradients themselves.
   */
  @Test
  void bfloat16ProductsTrainAnotherModelAlmostAsFastAndTf32TheSameWithoutAGpu() {
    String[] longer = {"steps=40", "evaluation.every=20", "rolloutTable.every=0"};
    Summary exact = train("longer, float32", longer);
    String[] more = Arrays.copyOf(longer, longer.length + 1);
    more[longer.length] = "model.precision=tf32";
    assertEquals(exact.weightsSha256(), train("longer, tf32", more).weightsSha256());
    more[longer.length] = PRODUCTS;
    Summary rounded = train("longer, bfloat16", more);
    assertNotEquals(exact.weightsSha256(), rounded.weightsSha256());
    int vocabulary = layout("longer, float32").parameters().get(0).shape().get(0);
    double uniform = Math.log(vocabulary);
    assertTrue(uniform - exact.valCe() > 0.5, () -> "float32 learnt little: " + exact.valCe());
    assertTrue(
        uniform - rounded.valCe() > 0.8 * (uniform - exact.valCe()),
        () -> rounded.valCe() + " and " + exact.valCe() + " of " + uniform);
  }

  @Test
  void refusesWhatExecutorsCannotDo() {
    UserError ahead =
        assertThrows(
            UserError.class,
            () -> ConfigReader.read("test", "", List.of(EXECUTORS, "rollout.ahead=1")));
    assertThat(ahead.getMessage()).contains("rollout.ahead: 1: with learner.placement");
    UserError shards =
        assertThrows(
            UserError.class,
            () -> ConfigReader.read("test", "", List.of(EXECUTORS, "rollout.shards=13")));
    assertThat(shards.getMessage()).contains("rollout.windowsPerUpdate = 12");
  }
}
