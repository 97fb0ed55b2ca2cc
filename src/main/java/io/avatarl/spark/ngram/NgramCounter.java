package io.avatarl.spark.ngram;

import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.CharacterTokenizer;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramKeys;
import io.avatarl.corpus.TextScan;
import io.avatarl.corpus.TokenArray;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.corpus.Tokens;
import io.avatarl.files.Storage;
import io.avatarl.files.StorageSettings;
import io.avatarl.spark.transport.ShardFunction;
import io.avatarl.spark.transport.TaskValue;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.storage.StorageLevel;
import scala.Tuple2;

/**
 * N-gram tables of a text of any length, at any path that the executors can read. No machine holds
 * the whole text or its tokens: tasks read splits of the file and count them in bounded memory;
 * Spark adds up the counts and spills to disk if they do not fit. Only the result must fit into the
 * driver.
 */
public final class NgramCounter {
  /** The longest n-grams that baselines and rewards use. */
  public static final int ORDER = 5;

  private static final long SPLIT_BYTES = 32L << 20;
  private static final long STRETCH = 1L << 22;
  private static final int PACKED = 1 << 16; // keys in one array on its way to the driver

  private final SparkSession spark;
  private final JavaSparkContext context;
  private final String path;
  private final long splitBytes;
  private final long bytes;
  private final List<TextScan> scans;
  private final long[] charactersBefore;

  /**
   * Scans a text.
   *
   * @throws UserError if it cannot be read, is empty, binary or not UTF-8
   */
  public NgramCounter(SparkSession spark, String path) {
    this(spark, path, SPLIT_BYTES);
  }

  NgramCounter(SparkSession spark, String path, long splitBytes) {
    this.spark = spark;
    this.context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    this.path = path;
    this.splitBytes = splitBytes;
    this.bytes = storage().length(path);
    this.scans = scan();
    this.charactersBefore = TextScan.charactersBefore(scans);
  }

  /**
   * The tables of a corpus's training split, or, if that is longer than {@code corpus.ngramSample},
   * of an evenly spread part of that size. Tokens in memory are counted there, others by a job that
   * reads their files.
   */
  public static NgramCounts count(SparkSession spark, Corpus corpus, CorpusConfig config) {
    return count(spark, corpus, config, STRETCH);
  }

  /**
   * The tables up to another order.
   *
   * @param order the longest n-gram; where the vocabulary is too large for it, as long as it allows
   */
  public static NgramCounts countUpTo(
      SparkSession spark, Corpus corpus, CorpusConfig config, int order) {
    return count(spark, corpus, config, order, STRETCH);
  }

  static NgramCounts count(
      SparkSession spark, Corpus corpus, CorpusConfig config, long stretchTokens) {
    return count(spark, corpus, config, ORDER, stretchTokens);
  }

  private static NgramCounts count(
      SparkSession spark, Corpus corpus, CorpusConfig config, int longest, long stretchTokens) {
    int vocabulary = corpus.tokenizer().vocabularySize();
    int order = Math.min(longest, NgramKeys.longestOrder(vocabulary));
    long most = sampled(corpus, config);
    if (corpus.train() instanceof TokenArray && corpus.train().length() <= most) {
      return NgramCounts.of(corpus.train().toArray(), vocabulary, order, config.ngramMinCount());
    }
    TokenNgramTask.Stretch[] stretches =
        TokenNgramTask.stretches(corpus.train().length(), most, stretchTokens);
    NgramKeys keys = new NgramKeys(vocabulary, order);
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    TaskValue<Tokens> tokens = TaskValue.of(context, corpus.train());
    try {
      return sum(
          spark,
          ShardFunction.numbers(context, stretches.length)
              .flatMap(new TokenNgramTask(tokens, keys, stretches)),
          keys,
          config.ngramMinCount());
    } finally {
      tokens.destroy();
    }
  }

  /**
   * Number of tokens of the training split that are counted: all, or as many as fit the sample's
   * bytes.
   */
  private static long sampled(Corpus corpus, CorpusConfig config) {
    long bytes = 0;
    int[] lengths = new int[corpus.tokenizer().vocabularySize()];
    Arrays.setAll(lengths, token -> corpus.tokenizer().bytes(token).length);
    for (int token : corpus.validation()) {
      bytes += lengths[token];
    }
    double each = (double) bytes / Math.max(1, corpus.validation().length);
    return Math.max(1, (long) (config.ngramSample().bytes() / Math.max(1, each)));
  }

  /** One line on what a table leaves out; empty if it counts the whole training split. */
  public static Optional<String> leftOut(Corpus corpus, CorpusConfig config) {
    long most = sampled(corpus, config);
    long all = corpus.train().length();
    return all <= most
        ? Optional.empty()
        : Optional.of(
            String.format(
                Locale.ROOT,
                "n-gram tables count %,d of the %,d tokens of the training split"
                    + " (corpus.ngramSample = %s)",
                most,
                all,
                config.ngramSample()));
  }

  private Storage storage() {
    return new Storage(spark.sparkContext().hadoopConfiguration());
  }

  private int splitCount() {
    return Math.toIntExact((bytes + splitBytes - 1) / splitBytes);
  }

  /**
   * A session with as many shuffle partitions as there are parts, instead of Spark's default of
   * 200.
   */
  private static SparkSession session(SparkSession spark, int parts) {
    SparkSession session = spark.newSession();
    int partitions = Math.max(parts, spark.sparkContext().defaultParallelism());
    session.conf().set("spark.sql.shuffle.partitions", partitions);
    return session;
  }

  private List<TextScan> scan() {
    if (bytes == 0) {
      throw new UserError("Corpus " + path + " is empty; name a text file with --corpus");
    }
    StorageSettings files = storage().settings();
    String file = path;
    long length = splitBytes;
    List<TextScan> result =
        ShardFunction.run(
            context,
            splitCount(),
            split -> {
              long from = split * length;
              try (InputStream in = files.storage().open(file, from)) {
                return TextScan.of(in, from, from + length);
              }
            });
    for (TextScan scan : result) {
      if (scan.bad() >= 0) {
        throw new UserError(
            "Corpus "
                + path
                + " is not a UTF-8 text: byte "
                + scan.bad()
                + " is NUL or not UTF-8; convert the file or name another with --corpus");
      }
    }
    return result;
  }

  /** Length of the file in bytes. */
  public long bytes() {
    return bytes;
  }

  /** Length of the text in characters. */
  public long characters() {
    return charactersBefore[scans.size()];
  }

  /** Warnings about the text, one line each. */
  public List<String> warnings() {
    List<String> warnings = new ArrayList<>();
    try {
      if (TextScan.markLength(storage(), path) > 0) {
        warnings.add(CorpusSource.markWarning(path));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(path, e);
    }
    if (TextScan.codePoints(scans).get('\r')) {
      warnings.add(CorpusSource.carriageReturnWarning(path));
    }
    return warnings;
  }

  /** The tokenizer of the text's characters. */
  public CharacterTokenizer characterTokenizer() {
    return CharacterTokenizer.of(TextScan.codePoints(scans).stream());
  }

  /**
   * Counts the training split.
   *
   * @param order the longest n-gram; less if the vocabulary is too large ({@link
   *     NgramKeys#longestOrder})
   * @param minCount see {@link NgramCounts.Builder}
   */
  public NgramCounts count(
      Tokenizer tokenizer, double validationFraction, int order, int minCount) {
    int vocabulary = tokenizer.vocabularySize();
    NgramKeys keys = new NgramKeys(vocabulary, Math.min(order, NgramKeys.longestOrder(vocabulary)));
    TaskValue<Tokenizer> shared = TaskValue.of(context, tokenizer);
    long train = Corpus.trainCharacters(characters(), validationFraction);
    NgramTask.Text text = new NgramTask.Text(path, splitBytes, charactersBefore, train);
    JavaRDD<Tuple2<Long, Long>> rows =
        ShardFunction.numbers(context, splitCount())
            .filter(split -> text.charactersBefore()[split] < train)
            .flatMap(new NgramTask(storage().settings(), shared, keys, text));
    try {
      return sum(spark, rows, keys, minCount);
    } finally {
      shared.destroy();
    }
  }

  /** Adds up counted keys, several rows for each. */
  private static NgramCounts sum(
      SparkSession spark, JavaRDD<Tuple2<Long, Long>> rows, NgramKeys keys, int minCount) {
    Dataset<Row> sorted =
        session(spark, rows.getNumPartitions())
            .createDataset(rows.rdd(), Encoders.tuple(Encoders.LONG(), Encoders.LONG()))
            .toDF("key", "count")
            .groupBy("key")
            .agg(functions.sum("count"))
            .sort("key");
    // First to disk, so that the partitions are computed in parallel; then to the driver one by
    // one, so that it holds little more than the tables.
    JavaRDD<long[]> packed =
        sorted.javaRDD().mapPartitions(pack()).persist(StorageLevel.DISK_ONLY());
    try {
      packed.count();
      NgramCounts.Builder builder = new NgramCounts.Builder(keys, minCount);
      for (Iterator<long[]> it = packed.toLocalIterator(); it.hasNext(); ) {
        long[] block = it.next();
        for (int i = 0; i < block.length; i += 2) {
          builder.add(block[i], block[i + 1]);
        }
      }
      return builder.build();
    } finally {
      packed.unpersist();
    }
  }

  private static FlatMapFunction<Iterator<Row>, long[]> pack() {
    return rows ->
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            return rows.hasNext();
          }

          @Override
          public long[] next() {
            long[] block = new long[2 * PACKED];
            int size = 0;
            while (size < block.length && rows.hasNext()) {
              Row row = rows.next();
              block[size++] = row.getLong(0);
              block[size++] = row.getLong(1);
            }
            return Arrays.copyOf(block, size);
          }
        };
  }

  /**
   * Reads part of the text.
   *
   * @param from index of its first character
   * @param count most characters to read
   */
  public String text(long from, int count) {
    int split = Arrays.binarySearch(charactersBefore, from);
    split = Math.min(split >= 0 ? split : -split - 2, scans.size() - 1);
    long skip = from - charactersBefore[split];
    try (InputStream in = storage().open(path, split * splitBytes)) {
      // At most 4 bytes a character, the last one's included.
      long longest = Math.min(splitBytes + 4L * count + 6, bytes - split * splitBytes);
      byte[] utf8 = in.readNBytes(Math.toIntExact(longest));
      int mark = split == 0 ? TextScan.markLength(storage(), path) : 0;
      int begin = beginning(utf8, mark, skip);
      int end = beginning(utf8, begin, count);
      return new String(utf8, begin, end - begin, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UserError("Cannot read " + path + ": " + e.getMessage(), e);
    }
  }

  /** The start of the n-th character after a byte, or the end. */
  private static int beginning(byte[] utf8, int at, long n) {
    int i = at;
    long seen = -1;
    while (i < utf8.length) {
      if (Tokenizer.beginsCharacter(utf8[i]) && ++seen == n) {
        return i;
      }
      i++;
    }
    return utf8.length;
  }
}
