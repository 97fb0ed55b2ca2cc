package io.avatarl.spark.ngram;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.BpeTokenizer;
import io.avatarl.corpus.CharacterTokenizer;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.GeneratedPlay;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramKeys;
import io.avatarl.corpus.TokenFolder;
import io.avatarl.corpus.TokenManifest;
import io.avatarl.corpus.TokenType;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NgramCounterTest {
  private static final double FRACTION = 0.1;
  private static final String TEXT =
      GeneratedPlay.write(4, 60_000) + "naïve café 中文。\n😀 ".repeat(50);

  @TempDir static Path folder;
  private static SparkSession spark;
  private static String file;

  @BeforeAll
  static void start() throws IOException {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .appName("test")
            .config("spark.ui.enabled", false)
            .config("spark.sql.warehouse.dir", TinyTraining.warehouse())
            .config("spark.sql.codegen.wholeStage", false) // compiling takes longer than counting
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
    file = Files.writeString(folder.resolve("a text.txt"), TEXT).toString();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @Test
  void sameTablesAsInMemory() {
    NgramCounter job = new NgramCounter(spark, file, 20_007);
    Corpus characters = Corpus.of("x", TEXT.getBytes(UTF_8), FRACTION);
    assertEquals(characters.tokenizer(), job.characterTokenizer());
    assertEquals(TEXT.codePointCount(0, TEXT.length()), job.characters());
    assertSameTables(job, characters, 60, 4); // 63 bits / 7 bits: order 9
    Tokenizer bpe = BpeTokenizer.train(TEXT.substring(0, TEXT.length() * 9 / 10), 200);
    Corpus tokens = Corpus.of("x", TEXT.getBytes(UTF_8), FRACTION, bpe);
    assertSameTables(job, tokens, 5, 1);
  }

  private static void assertSameTables(NgramCounter job, Corpus corpus, int order, int minCount) {
    int vocabulary = corpus.tokenizer().vocabularySize();
    int longest = Math.min(order, NgramKeys.longestOrder(vocabulary));
    NgramCounts expected = NgramCounts.of(corpus.train().toArray(), vocabulary, longest, minCount);
    NgramCounts counted = job.count(corpus.tokenizer(), FRACTION, order, minCount);
    assertTrue(expected.size(longest) > 100);
    assertEquals(expected, counted);
  }

  private static CorpusConfig config(String... overrides) {
    return ConfigReader.read("", "", List.of(overrides)).corpus();
  }

  /** The text's tokens as files of a folder, cut anywhere. */
  private static Corpus stored(Corpus corpus) {
    Storage storage = new Storage(new Configuration());
    String path = folder.resolve("tokens" + corpus.tokenizer().vocabularySize()).toString();
    TokenType type = TokenType.of(corpus.tokenizer().vocabularySize());
    int[] train = corpus.train().toArray();
    List<TokenManifest.Part> parts = new ArrayList<>();
    for (int from = 0; from < train.length; from += 7_777) {
      byte[] bytes = type.encode(train, from, Math.min(train.length, from + 7_777));
      parts.add(
          TokenFolder.write(storage, path, TokenFolder.TRAIN, parts.size(), bytes, type.bytes()));
    }
    byte[] held = type.encode(corpus.validation(), 0, corpus.validation().length);
    TokenManifest manifest =
        TokenFolder.manifest(
            corpus.tokenizer(),
            new TokenManifest.Source("x", "f", 1, 0, TEXT.length(), false),
            new TokenManifest.Split("position", FRACTION),
            parts,
            List.of(
                TokenFolder.write(storage, path, TokenFolder.VALIDATION, 0, held, type.bytes())));
    TokenFolder.finish(storage, path, manifest, corpus.tokenizer());
    return TokenFolder.open(storage, path).corpus("x", new TokenFolder.Limits(0, 0, 0));
  }

  @Test
  void tokensInFilesGiveTheTablesOfTheText() {
    for (Tokenizer tokenizer :
        List.of(CharacterTokenizer.of(TEXT), BpeTokenizer.train(TEXT.substring(0, 50_000), 200))) {
      Corpus corpus = Corpus.of("x", TEXT.getBytes(UTF_8), FRACTION, tokenizer);
      NgramCounts expected =
          NgramCounts.of(corpus.train().toArray(), tokenizer.vocabularySize(), 5, 2);
      CorpusConfig config = config("corpus.ngramMinCount=2");
      assertEquals(expected, NgramCounter.count(spark, corpus, config));
      for (long stretch : new long[] {1L << 22, 5_000, 3_001}) {
        assertEquals(expected, NgramCounter.count(spark, stored(corpus), config, stretch));
      }
    }
  }

  @Test
  void aSampleIsEvenlySpreadAndSaid() {
    Corpus corpus = Corpus.of("x", TEXT.getBytes(UTF_8), FRACTION);
    CorpusConfig config = config("corpus.ngramSample=20000");
    NgramCounts counts = NgramCounter.count(spark, stored(corpus), config, 4_000);
    assertEquals(counts, NgramCounter.count(spark, corpus, config, 4_000));
    assertTrue(counts.count() > 15_000 && counts.count() <= 20_000, counts.count() + " counted");
    String said = NgramCounter.leftOut(corpus, config).orElseThrow();
    assertThat(said).contains("corpus.ngramSample = 20000");
    assertEquals(Optional.empty(), NgramCounter.leftOut(corpus, config()));
  }

  @Test
  void aByteOrderMarkIsNoCharacter() throws IOException {
    String plain = GeneratedPlay.write(1, 5_000);
    Path marked = Files.writeString(folder.resolve("marked"), "\ufeff" + plain);
    Corpus corpus = Corpus.of("x", plain.getBytes(UTF_8), FRACTION);
    assertEquals(corpus.train(), Corpus.of("x", Files.readAllBytes(marked), FRACTION).train());
    for (long split : new long[] {1_000, 2, 5}) {
      if (split < 100) {
        Files.writeString(marked, "\ufeff" + plain.substring(0, 60));
        corpus = Corpus.of("x", plain.substring(0, 60).getBytes(UTF_8), FRACTION);
      }
      NgramCounter job = new NgramCounter(spark, marked.toString(), split);
      assertEquals(corpus.tokenizer(), job.characterTokenizer());
      assertEquals(plain.substring(0, 10), job.text(0, 10));
      NgramCounts counts = job.count(corpus.tokenizer(), FRACTION, 3, 1);
      NgramCounts expected =
          NgramCounts.of(corpus.train().toArray(), corpus.tokenizer().vocabularySize(), 3, 1);
      assertEquals(expected.count(), counts.count());
      assertEquals(expected.size(3), counts.size(3));
    }
  }

  @Test
  void textByCharacters() {
    NgramCounter job = new NgramCounter(spark, file, 9_000);
    for (int from : new int[] {0, 1, 8_999, 9_000, 30_000, 60_010}) {
      int begin = TEXT.offsetByCodePoints(0, from);
      assertEquals(TEXT.substring(begin, TEXT.offsetByCodePoints(begin, 300)), job.text(from, 300));
    }
    assertEquals("😀 ", job.text(job.characters() - 2, 1_000));
  }

  @Test
  void whatIsNoTextIsRefused() throws IOException {
    byte[] bytes = GeneratedPlay.write(1, 5_000).getBytes(UTF_8);
    bytes[4_321] = (byte) 0xff;
    String binary = Files.write(folder.resolve("binary"), bytes).toString();
    assertEquals(
        "Corpus "
            + binary
            + " is not a UTF-8 text: byte 4321 is NUL or not UTF-8; convert the file or name"
            + " another with --corpus",
        assertThrows(UserError.class, () -> new NgramCounter(spark, binary, 1_000)).getMessage());
    String empty = Files.write(folder.resolve("empty"), new byte[0]).toString();
    assertThrows(UserError.class, () -> new NgramCounter(spark, empty));
    assertThrows(UserError.class, () -> new NgramCounter(spark, folder.resolve("none").toString()));
  }
}
