package io.avatarl.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.CorpusConfig;
import io.avatarl.corpus.CharacterTokenizer;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.GeneratedPlay;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.spark.Rollouts;
import io.avatarl.spark.TextGenerator;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.spark.corpus.CorpusProgress;
import io.avatarl.spark.ngram.NgramCounter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.serializer.KryoSerializer;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Sessions whose owner chose Kryo, and that every class be registered: what would be refused there
 * fails a test here.
 */
class KryoTest {
  private static final Map<String, String> KRYO =
      Map.of(
          "spark.serializer",
          KryoSerializer.class.getName(),
          "spark.kryo.registrationRequired",
          "true");
  private static final String EXECUTORS = "learner.placement=executors";
  private static final String DRIVER = "learner.placement=driver";
  private static final Storage STORAGE = TinyTraining.storage();

  @TempDir static Path folder;
  private static SparkSession spark;
  private static Path play;
  private static Path run;
  private static Map<String, String> figures;

  @BeforeAll
  static void start() throws IOException {
    play = TinyTraining.corpus(folder);
    try (SparkSession usual = TinyTraining.spark("local[2]", Map.of())) {
      Path usually = folder.resolve("usual");
      Summary summary = TinyTraining.train(usual, play, usually, EXECUTORS);
      figures = ClusterRun.figures(usual, usually, summary);
    }
    spark = TinyTraining.spark("local[2]", KRYO);
    run = folder.resolve("run");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private record Unknown(int value) {}

  /** So that the tests below show something. */
  @Test
  void theSessionRefusesWhatItWasNotToldOf() {
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    List<Integer> numbers = new ArrayList<>(List.of(1));
    assertThrows(
        SparkException.class, () -> context.parallelize(numbers).map(Unknown::new).collect());
  }

  @Test
  void aRunTrainsItsTableReadsAndTextIsGenerated() throws IOException {
    Summary summary = TinyTraining.train(spark, play, run, EXECUTORS);
    assertEquals(figures, ClusterRun.figures(spark, run, summary));
    Path driver = folder.resolve("driver");
    // Also what is rounded on its way.
    TinyTraining.train(spark, play, driver, DRIVER, "broadcast.precision=bfloat16");
    Rollouts.registerViews(spark, run.toString());
    assertTrue(spark.sql("SELECT * FROM groups ORDER BY gold_probability").count() > 0);
    assertTrue(spark.sql("SELECT * FROM progress").collectAsList().size() > 1);
    List<Row> texts =
        new TextGenerator()
            .setInputCol("value")
            .setOutputCol("text")
            .setModelUrl(run.toString())
            .setMaxNewTokens(5)
            .transform(spark.createDataset(List.of("the", "a king", "the"), Encoders.STRING()))
            .collectAsList();
    assertEquals(3, texts.size());
    assertEquals(texts.get(0), texts.get(2));
  }

  /** Executors of their own, where all of it crosses between JVMs. */
  @Test
  void executorsOfAClusterAsWell() throws Exception {
    Map<String, String> said =
        ClusterRun.of("local-cluster[2,1,1024]", KRYO, play, folder.resolve("cluster"), EXECUTORS);
    figures.forEach((name, value) -> assertEquals(value, said.get(name), name));
  }

  @Test
  void ngramsAreCountedByJobs() throws IOException {
    NgramCounter counter = new NgramCounter(spark, play.toString());
    CharacterTokenizer tokenizer = counter.characterTokenizer();
    NgramCounts counted = counter.count(tokenizer, 0.1, 3, 1);
    Corpus corpus = Corpus.of("play", Files.readAllBytes(play), 0.1);
    NgramCounts expected =
        NgramCounts.of(corpus.train().toArray(), tokenizer.vocabularySize(), 3, 1);
    assertEquals(expected, counted);
    CorpusConfig sampled = ConfigReader.read("", "", List.of("corpus.ngramSample=8kB")).corpus();
    assertTrue(NgramCounter.leftOut(corpus, sampled).isPresent());
    assertTrue(NgramCounter.count(spark, corpus, sampled).order() > 2);
  }

  @Test
  void aCorpusIsTokenized() throws IOException {
    Path texts = Files.createDirectories(folder.resolve("texts"));
    for (int i = 0; i < 5; i++) {
      Files.writeString(texts.resolve(i + ".txt"), GeneratedPlay.write(i, 3_000), UTF_8);
    }
    Dataset<Row> rows =
        spark.read().option("wholetext", true).text(texts.toString()).toDF("speech");
    Path parquet = folder.resolve("speeches.parquet");
    rows.write().parquet(parquet.toString());
    List<int[]> train = new ArrayList<>();
    for (String[] settings :
        new String[][] {
          {"corpus.path=" + texts},
          {"corpus.path=" + parquet, "corpus.column=speech"},
          {"corpus.path=" + texts, "corpus.tokenizer=bpe", "corpus.bpe.merges=20"},
        }) {
      Corpus corpus = loader().load(config(settings), 0, folder.toString()).corpus();
      Path tokens = folder.resolve("tokens-" + train.size());
      int[] stored =
          loader()
              .tokenize(config(settings), tokens.toString())
              .corpus("stored", limits())
              .train()
              .toArray();
      assertArrayEquals(corpus.train().toArray(), stored);
      train.add(stored);
    }
    Corpus rowsOnly =
        loader().of(rows).load(config("corpus.column=speech"), 0, folder.toString()).corpus();
    assertArrayEquals(train.get(1), rowsOnly.train().toArray());
    Tokenizer tokenizer = rowsOnly.tokenizer();
    assertTrue(tokenizer.vocabularySize() > 10);
  }

  private static io.avatarl.corpus.TokenFolder.Limits limits() {
    return new io.avatarl.corpus.TokenFolder.Limits(1 << 20, 1 << 20, 0);
  }

  private static CorpusConfig config(String... settings) {
    return ConfigReader.read("", "", List.of(settings)).corpus();
  }

  private static CorpusLoader loader() {
    return new CorpusLoader(
        STORAGE,
        new CorpusSource(STORAGE, folder.toString(), Map.of()),
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
        });
  }
}
