package io.avatarl.spark.corpus;

import static java.nio.charset.StandardCharsets.UTF_16LE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.DocumentSplit;
import io.avatarl.corpus.GeneratedPlay;
import io.avatarl.corpus.TokenArray;
import io.avatarl.corpus.TokenFolder;
import io.avatarl.files.Storage;
import io.avatarl.train.TinyTraining;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.io.compress.BZip2Codec;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CorpusLoaderTest {
  private static final Storage STORAGE = new Storage(new Configuration());
  private static final String TEXT =
      GeneratedPlay.write(4, 60_000) + "naïve café 中文。\n😀 ".repeat(50) + "the end";
  private static final int PIECE = 9_007;

  private static SparkSession spark;
  @TempDir Path folder;
  private final List<String> warnings = Collections.synchronizedList(new ArrayList<>());

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .appName("test")
            .config("spark.ui.enabled", false)
            .config("spark.sql.warehouse.dir", TinyTraining.warehouse())
            .config("spark.sql.codegen.wholeStage", false)
            .config("spark.sql.shuffle.partitions", 2)
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private CorpusLoader loader() {
    return loader(
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
  }

  private CorpusLoader loader(CorpusProgress progress) {
    return new CorpusLoader(
            STORAGE, new CorpusSource(STORAGE, folder.toString(), Map.of()), () -> spark, progress)
        .inPieces(PIECE);
  }

  private static CorpusConfig config(Object path, String... more) {
    List<String> all = new ArrayList<>(List.of(more));
    all.add("corpus.path=" + path);
    return ConfigReader.read("", "", all).corpus();
  }

  /** In memory, through Spark unless it is one short text. */
  private Corpus load(Object path, String... more) {
    return loader().load(config(path, more), 0, folder.toString()).corpus();
  }

  /** By way of a folder. */
  private Corpus stored(Object path, String... more) {
    List<String> all = new ArrayList<>(List.of(more));
    all.add("corpus.memory=0");
    return loader().load(config(path, all.toArray(String[]::new)), 0, folder.toString()).corpus();
  }

  private static void assertSame(Corpus expected, Corpus actual) {
    assertEquals(expected.tokenizer(), actual.tokenizer());
    assertArrayEquals(expected.train().toArray(), actual.train().toArray());
    assertArrayEquals(expected.validation(), actual.validation());
  }

  private static String text(Corpus corpus) {
    return corpus.tokenizer().decode(corpus.train().toArray());
  }

  @ParameterizedTest
  @ValueSource(strings = {"character", "bpe"})
  void aTextInPiecesIsTheTextInMemory(String tokenizer) throws IOException {
    Path file = Files.writeString(folder.resolve("a [text] {1,2}.txt"), TEXT);
    String[] more = {"corpus.tokenizer=" + tokenizer, "corpus.bpe.merges=60"};
    Corpus expected = Corpus.of("x", TEXT.getBytes(UTF_8), config(file, more));
    Corpus stored = stored(file, more);
    assertFalse(stored.train() instanceof TokenArray);
    assertSame(expected, stored);
    assertSame(expected, load(file, more));
    // Found again: nothing is made anew.
    assertEquals(stored.sha256(), stored(file, more).sha256());
    try (var made = Files.list(folder.resolve("avatarl-tokens"))) {
      assertEquals(1, made.count());
    }
  }

  private static byte[] gzip(String text) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes)) {
      out.write(text.getBytes(UTF_8));
    }
    return bytes.toByteArray();
  }

  private static byte[] bzip2(String text) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    BZip2Codec codec = new BZip2Codec();
    codec.setConf(new Configuration());
    try (OutputStream out = codec.createOutputStream(bytes)) {
      out.write(text.getBytes(UTF_8));
    }
    return bytes.toByteArray();
  }

  @Test
  void filesOfAFolderPackedOrNot() throws IOException {
    Path plain = Files.createDirectories(folder.resolve("plain/deep/er"));
    Path packed = Files.createDirectories(folder.resolve("packed"));
    String[] texts = {TEXT, "second\n", TEXT.substring(0, 30_000), "fourth"};
    String[] names = {"a", "b/c", "b/d", "e"};
    for (int i = 0; i < texts.length; i++) {
      Path file = folder.resolve("plain/" + names[i] + ".txt");
      Files.createDirectories(file.getParent());
      Files.writeString(file, texts[i]);
    }
    Files.write(packed.resolve("a.txt.gz"), gzip(TEXT));
    Files.createDirectories(packed.resolve("b"));
    Files.write(packed.resolve("b/c.txt.bz2"), bzip2(texts[1]));
    Files.write(packed.resolve("b/d.zst"), Zstd.compress(texts[2].getBytes(UTF_8)));
    Files.writeString(packed.resolve("e"), texts[3]);
    Files.writeString(packed.resolve("_SUCCESS"), "hidden");
    Files.createFile(plain.resolve("empty.txt"));

    String joined = String.join("\n", texts) + "\n";
    Corpus expected = Corpus.of("x", joined.getBytes(UTF_8), config(""));
    assertSame(expected, load(folder.resolve("plain")));
    assertSame(expected, stored(folder.resolve("plain")));
    assertSame(expected, stored(packed));
    assertSame(expected, load(packed + "/a*," + packed + "/b/{c,d}*," + packed.resolve("e")));
    String other = text(load(packed, "corpus.separator=<end>"));
    assertTrue(other.startsWith(TEXT + "<end>second\n<end>" + texts[2].substring(0, 100)));
  }

  /** The rows as files of a format. */
  private Path write(String format, int partitions, List<String> texts) {
    Dataset<Row> rows =
        spark.createDataset(texts, Encoders.STRING()).toDF("body").repartition(partitions);
    Path path = folder.resolve(format + partitions);
    rows.selectExpr("body", "length(body) AS n", "1.5 AS x")
        .write()
        .mode(SaveMode.Overwrite)
        .option("header", true)
        .option("escape", "\"")
        .option("ignoreTrailingWhiteSpace", false)
        .format(format)
        .save(path.toString());
    return path;
  }

  private static List<String> rows(int count) {
    Random random = new Random(1);
    return IntStream.range(0, count)
        .mapToObj(
            i -> {
              int from = random.nextInt(50_000);
              return "row " + i + ": \"" + TEXT.substring(from, from + 20 + random.nextInt(500));
            })
        .toList();
  }

  @Test
  void rowsAreTheSameInAnyFilesFormatAndPartitions() {
    List<String> texts = rows(250);
    String[] column = {"corpus.column=body"};
    Corpus expected = load(write("parquet", 1, texts), column);
    assertEquals(25, expected.validation().length / 300.0, 12, "a tenth of 250 rows of 270");
    for (String format : List.of("parquet", "orc", "json", "csv")) {
      assertSame(expected, load(write(format, 3, texts), column));
    }
    assertSame(expected, stored(write("json", 7, texts), column));
    spark
        .createDataset(texts, Encoders.STRING())
        .toDF("body")
        .repartition(5)
        .createOrReplaceTempView("papers");
    assertSame(expected, load("", "corpus.table=papers", "corpus.column=body"));
    assertSame(
        expected,
        loader()
            .of(spark.table("papers").repartition(2))
            .load(config("", column), 0, folder.toString())
            .corpus());
    // Each row once, whole, in one split.
    Set<String> all = new HashSet<>(texts);
    String both = text(expected) + expected.tokenizer().decode(expected.validation());
    assertEquals(
        all.stream().mapToInt(t -> t.codePointCount(0, t.length()) + 1).sum(),
        both.codePointCount(0, both.length()));
    all.forEach(t -> assertTrue(both.contains(t + "\n"), t));
  }

  @Test
  void rowsInAnOrderOfTheirOwn() {
    List<String> texts = rows(40);
    Path path = write("parquet", 4, texts);
    Corpus byLength = stored(path, "corpus.column=body", "corpus.orderBy=n");
    assertSame(
        byLength, load(write("parquet", 2, texts), "corpus.column=body", "corpus.orderBy=n"));
    String shortest = Collections.min(texts, java.util.Comparator.comparing(String::length));
    assertTrue(text(byLength).startsWith(shortest + "\n"));
  }

  @Test
  void documentsWithoutATextAreLeftOutAndCounted() {
    List<String> texts = new ArrayList<>(rows(20));
    Corpus expected = load(write("parquet", 1, texts), "corpus.column=body");
    texts.addAll(Arrays.asList("", null, ""));
    assertSame(expected, load(write("parquet", 2, texts), "corpus.column=body"));
    assertThat(warnings)
        .contains(
            "3 of 23 documents of "
                + folder.resolve("parquet2")
                + " are NULL or empty and were skipped");
    refused(
        "holds no document with a text (2 are NULL or empty)",
        write("parquet", 3, Arrays.asList(null, "")),
        "corpus.column=body");
  }

  @Test
  void aDocumentStaysInItsSplitWhateverComesToIt() {
    List<String> few = rows(150);
    List<String> many = rows(400);
    DocumentSplit split = DocumentSplit.of(150, 1, 0.1);
    assertTrue(split.byDocument());
    Corpus small = load(write("parquet", 1, few), "corpus.column=body");
    Corpus large = load(write("parquet", 2, many), "corpus.column=body");
    String heldOut = large.tokenizer().decode(large.validation());
    int found = 0;
    for (String text : few) {
      boolean held = split.isHeldOut(text.getBytes(UTF_8));
      assertEquals(held, heldOut.contains(text + "\n"));
      assertEquals(held, !text(small).contains(text + "\n"));
      found += held ? 1 : 0;
    }
    assertTrue(found > 4 && found < 30, "about 15, not " + found);
  }

  @Test
  void anInterruptedFolderIsFinishedAndNeverUsed() throws IOException {
    Path file = Files.writeString(folder.resolve("text.txt"), TEXT);
    String out = folder.resolve("out").toString();
    CorpusConfig config = config(file);
    class Stop implements CorpusProgress {
      int tokenized;
      int last;

      @Override
      public void at(String what, int done, int of) {
        if (what.startsWith("tokenizing")) {
          last = done;
          if (++tokenized == 3) {
            throw new IllegalStateException("killed");
          }
        }
      }

      @Override
      public void warned(String warning) {
        throw new AssertionError(warning);
      }
    }
    assertThrows(Exception.class, () -> loader(new Stop()).tokenize(config, out));
    assertFalse(TokenFolder.isAt(STORAGE, out));
    refused("is an incomplete token folder", out);
    refused(
        out + ": holds a part of the tokens of another corpus",
        file,
        "corpus.memory=0",
        "corpus.validationFraction=0.2",
        "corpus.tokens=" + out);
    Path part = Path.of(out, "train/part-00000.bin");
    java.nio.file.attribute.FileTime before = Files.getLastModifiedTime(part);
    TokenFolder made = loader().tokenize(config, out);
    assertEquals(before, Files.getLastModifiedTime(part), "made before the interruption");
    assertFalse(Files.exists(Path.of(out, "_work")));
    String whole = folder.resolve("whole").toString();
    assertEquals(loader().tokenize(config, whole).manifest(), made.manifest());
    assertSame(
        Corpus.of("x", TEXT.getBytes(UTF_8), config),
        made.corpus("x", new TokenFolder.Limits(0, 0, 0)));
    refused(
        out + ": holds the tokens of another corpus",
        file,
        "corpus.memory=0",
        "corpus.tokenizer=bpe",
        "corpus.tokens=" + out);
    assertSame(load(file), load(out));
  }

  @Test
  void twoAtOnceMakeOneGoodFolder() throws IOException {
    Path file = Files.writeString(folder.resolve("text.txt"), TEXT);
    String out = folder.resolve("out").toString();
    CompletableFuture<TokenFolder> first =
        CompletableFuture.supplyAsync(() -> loader().tokenize(config(file), out));
    TokenFolder second = loader().tokenize(config(file), out);
    assertEquals(first.join().manifest(), second.manifest());
    TokenFolder folder = TokenFolder.open(STORAGE, out);
    folder.files().forEach((path, part) -> TokenFolder.verify(STORAGE, path, part));
    assertSame(load(file), folder.corpus("x", new TokenFolder.Limits(0, 0, 0)));
  }

  @Test
  void theEndOfATextIsATokenOfBpe() throws IOException {
    Path texts = Files.createDirectory(folder.resolve("ends"));
    for (int i = 0; i < 3; i++) {
      Files.writeString(texts.resolve(i + ".txt"), GeneratedPlay.write(i, 3_000));
    }
    String[] settings = {
      "corpus.tokenizer=bpe", "corpus.bpe.merges=20", "corpus.separator=<|endoftext|>"
    };
    Corpus corpus = load(texts, settings);
    int end = corpus.tokenizer().vocabularySize() - 1;
    assertEquals(276, end);
    assertEquals("<|endoftext|>", corpus.tokenizer().decode(end));
    IntStream all =
        IntStream.concat(
            Arrays.stream(corpus.train().toArray()), Arrays.stream(corpus.validation()));
    assertEquals(3, all.filter(token -> token == end).count());
    assertEquals(end, corpus.validation()[corpus.validation().length - 1]);
    TokenFolder stored =
        loader().tokenize(config(texts, settings), folder.resolve("ends-tokens").toString());
    assertEquals(277, stored.manifest().vocabulary());
    // For characters it is a text like any other.
    Corpus characters = load(texts, settings[2]);
    assertTrue(characters.tokenizer().decode(characters.validation()).endsWith("<|endoftext|>"));
  }

  @Test
  void scoringIsCapped() throws IOException {
    Path file = Files.writeString(folder.resolve("text.txt"), TEXT);
    Corpus corpus =
        loader().load(config(file, "corpus.memory=0"), 1000, folder.toString()).corpus();
    assertEquals(1000, corpus.validation().length);
    assertTrue(corpus.validationTokens() > 6000);
  }

  @Test
  void whatIsNoCorpusIsRefused() throws IOException {
    Path texts = Files.createDirectories(folder.resolve("texts"));
    refused("texts holds no file", texts);
    Files.writeString(texts.resolve("a.txt"), TEXT);
    Path bad = Files.write(texts.resolve("b.txt"), new byte[] {65, 66, (byte) 0xe9, 65});
    refused(bad + " is not a UTF-8 text: byte 2 is not UTF-8", texts);
    Files.write(bad, ("\ufeff" + TEXT).getBytes(UTF_16LE));
    refused("iconv -f UTF-16 -t UTF-8", texts);
    refused("b.txt is UTF-16; convert it with: iconv -f UTF-16 -t UTF-8", bad);
    Files.delete(bad);
    byte[] whole = gzip(TEXT);
    Path cut = Files.write(texts.resolve("c.gz"), Arrays.copyOf(whole, whole.length / 2));
    refused("c.gz is cut short or damaged", texts);
    byte[] zstd = Zstd.compress(TEXT.getBytes(UTF_8));
    Files.delete(cut);
    cut = Files.write(texts.resolve("c.zst"), Arrays.copyOf(zstd, zstd.length / 2));
    refused("c.zst is cut short or damaged", texts);
    Files.delete(cut);
    byte[] bzip2 = bzip2(TEXT);
    cut = Files.write(texts.resolve("c.bz2"), Arrays.copyOf(bzip2, bzip2.length / 2));
    refused("c.bz2 is cut short or damaged", texts);
    Files.delete(cut);
    Path unnamed = Files.write(texts.resolve("c"), whole);
    refused("c is packed, but its name does not say so; rename it to *.gz", unnamed);
    Files.delete(unnamed);
    Files.writeString(texts.resolve("d.jsonl"), "{\"body\": \"x\"}\n");
    refused("mixes formats (text, jsonl)", texts);
    Path json = Files.writeString(folder.resolve("x.jsonl"), "{\"body\": \"x\", \"n\": 1}\n");
    refused("is jsonl: name the column that has the texts", json);
    // Never learned as raw text.
    for (String format : List.of("csv", "parquet", "orc")) {
      Path rows = write(format, 1, List.of("x", "y"));
      refused("is " + format + ": name the column that has the texts", rows);
      try (var files = Files.list(rows)) {
        Path file = files.filter(f -> f.toString().endsWith("." + format)).findFirst().get();
        refused("is " + format + ": name the column that has the texts", file);
      }
    }
    refused("has no column text; it has body, n", json, "corpus.column=text");
    refused("n of " + json + " is of type bigint and not a string", json, "corpus.column=n");
    refused("corpus.orderBy", json, "corpus.column=body", "corpus.orderBy=none");
    refused("nowhere", "", "corpus.table=nowhere", "corpus.column=body");
    refused("no such file", folder.resolve("none*.txt"));
    refused("no such file", folder.resolve("none.txt"));
    assertEquals(1, load(json, "corpus.column=body").validationTokens());
  }

  @Test
  void aSourceThatChangesWhileItIsReadIsRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("text.txt"), TEXT);
    CorpusProgress changes =
        new CorpusProgress() {
          @Override
          public void at(String what, int done, int of) {
            if (what.startsWith("looking") && done == of) {
              try {
                Files.writeString(file, TEXT.replace("naïve", "NAIVE"));
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            }
          }

          @Override
          public void warned(String warning) {
            throw new AssertionError(warning);
          }
        };
    UserError e =
        assertThrows(
            UserError.class,
            () -> loader(changes).load(config(file, "corpus.memory=0"), 0, folder.toString()));
    assertThat(e.getMessage()).contains("changed while it was read");
  }

  @Test
  void aTableThatChangedIsNotTheOneThatWasTokenized() {
    String[] settings = {
      "corpus.table=changing",
      "corpus.column=body",
      "corpus.memory=0",
      "corpus.tokens=" + folder.resolve("of-table")
    };
    List<String> texts = rows(20);
    spark.createDataset(texts, Encoders.STRING()).toDF("body").createOrReplaceTempView("changing");
    Corpus before = load("", settings);
    assertSame(before, load("", settings));
    texts = new ArrayList<>(texts);
    texts.set(3, texts.get(3).toUpperCase(java.util.Locale.ROOT));
    spark.createDataset(texts, Encoders.STRING()).toDF("body").createOrReplaceTempView("changing");
    refused("holds the tokens of another corpus, of an earlier state of this one", "", settings);
  }

  @Test
  void lineEndsAreKeptAndByteOrderMarksDroppedWithAWarning() throws IOException {
    Path texts = Files.createDirectories(folder.resolve("texts"));
    Files.writeString(texts.resolve("a.txt"), "\ufeffone\r\ntwo " + TEXT);
    Files.writeString(texts.resolve("b.txt"), "three");
    assertTrue(text(load(texts)).startsWith("one\r\ntwo "));
    assertEquals(2, warnings.size(), warnings.toString());
  }

  private void refused(String message, Object path, String... more) {
    UserError e = assertThrows(UserError.class, () -> load(path, more));
    assertThat(e.getMessage()).contains(message);
    assertEquals(1, e.getMessage().lines().count());
  }
}
