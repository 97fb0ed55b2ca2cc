package io.avatarl.spark.corpus;

import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusProvider;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.LoadedCorpus;
import io.avatarl.corpus.TokenFolder;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Loads the corpus that a configuration names: a short text, without Spark, as {@link CorpusSource}
 * does; a token folder; or files and tables that Spark reads. The latter are tokenized into memory
 * or, if they are long, into a token folder that later runs reuse.
 */
public final class CorpusLoader implements CorpusProvider {
  /** Matches a value that names more than one path. */
  private static final Pattern SEVERAL = Pattern.compile(".*[*?\\[{,].*");

  private static final int FOLDER_DIGITS = 12;

  private final Storage storage;
  private final CorpusSource texts;
  private final Supplier<SparkSession> spark;
  private final CorpusProgress progress;
  private final Optional<Dataset<Row>> rows;
  private final Optional<Tokenizer> vocabulary;
  private final long pieceBytes;

  /**
   * @param texts finds single texts
   * @param spark only called if Spark must read the corpus
   */
  public CorpusLoader(
      Storage storage, CorpusSource texts, Supplier<SparkSession> spark, CorpusProgress progress) {
    this(storage, texts, spark, progress, Optional.empty(), Optional.empty(), 0);
  }

  private CorpusLoader(
      Storage storage,
      CorpusSource texts,
      Supplier<SparkSession> spark,
      CorpusProgress progress,
      Optional<Dataset<Row>> rows,
      Optional<Tokenizer> vocabulary,
      long pieceBytes) {
    this.storage = storage;
    this.texts = texts;
    this.spark = spark;
    this.progress = progress;
    this.rows = rows;
    this.vocabulary = vocabulary;
    this.pieceBytes = pieceBytes;
  }

  /** A loader whose corpus is a {@code Dataset}. */
  public CorpusLoader of(Dataset<Row> dataset) {
    return new CorpusLoader(
        storage,
        texts,
        dataset::sparkSession,
        progress,
        Optional.of(dataset),
        vocabulary,
        pieceBytes);
  }

  @Override
  public CorpusLoader in(Tokenizer known) {
    return new CorpusLoader(
        storage, texts.in(known), spark, progress, rows, Optional.of(known), pieceBytes);
  }

  /** A loader with pieces of another length, for tests. */
  CorpusLoader inPieces(long bytes) {
    return new CorpusLoader(storage, texts, spark, progress, rows, vocabulary, bytes);
  }

  @Override
  public LoadedCorpus load(CorpusConfig config, int validationTokens, String parent) {
    Optional<String> expected = Optional.of(config.sha256()).filter(sum -> !sum.isEmpty());
    if (rows.isEmpty() && config.table().isEmpty()) {
      Optional<String> path = texts.named(config.path());
      if (path.isEmpty() || isShortText(path.get(), config)) {
        return texts.load(config, validationTokens, parent);
      }
      if (TokenFolder.isAt(storage, path.get())) {
        Corpus corpus =
            TokenFolder.open(storage, path.get())
                .corpus(path.get(), limits(config, validationTokens));
        if (vocabulary.isPresent() && !corpus.tokenizer().equals(vocabulary.get())) {
          throw new UserError(
              path.get() + ": holds tokens of another vocabulary; name the text they were made of");
        }
        return loaded(corpus, storage.qualified(path.get()), expected);
      }
      requireNoHalf(path.get());
    }
    CorpusInput input = input(config); // Checks what can be checked without Spark.
    CorpusTokenizer tokenizer = tokenizer(config, input, vocabulary);
    if (vocabulary.isPresent()) {
      // Earlier runs may have left the same tokens, in the corpus's own vocabulary.
      CorpusTokenizer own = tokenizer(config, input, Optional.empty());
      if (own.isMade(folder(config, parent, own), vocabulary.get())) {
        tokenizer = own;
      }
    }
    return loaded(
        tokenizer.corpus(folder(config, parent, tokenizer), limits(config, validationTokens)),
        where(config),
        expected);
  }

  /**
   * Tokenizes a corpus into a folder, even a short one.
   *
   * @param folder the token folder; an incomplete one is completed
   */
  public TokenFolder tokenize(CorpusConfig config, String folder) {
    return tokenizer(config, input(config), vocabulary).tokenize(folder);
  }

  private CorpusTokenizer tokenizer(
      CorpusConfig config, CorpusInput input, Optional<Tokenizer> known) {
    return new CorpusTokenizer(spark.get(), storage, config, input, known, progress, pieceBytes);
  }

  private CorpusInput input(CorpusConfig config) {
    if (rows.isPresent()) {
      return Rows.ofDataset("the DataFrame", rows.get(), config);
    }
    if (!config.table().isEmpty()) {
      if (!config.path().isEmpty()) {
        throw new UserError(
            "corpus.path and corpus.table: both name a corpus ("
                + config.path()
                + " and "
                + config.table()
                + "); leave one out");
      }
      return Rows.ofTable(spark, config);
    }
    String path =
        texts
            .named(config.path())
            .orElseThrow(
                () -> new UserError("name a corpus with --corpus, or a table with corpus.table"));
    CorpusFiles files = CorpusFiles.find(storage, path, config.format());
    return files.format() == CorpusFormat.TEXT
        ? new CorpusInput.Texts(files)
        : Rows.ofFiles(spark, files, config);
  }

  private LoadedCorpus loaded(Corpus corpus, String path, Optional<String> expected) {
    if (expected.isPresent() && !expected.get().equals(corpus.sha256())) {
      throw new UserError(
          "Corpus "
              + corpus.name()
              + " has SHA-256 "
              + corpus.sha256()
              + " and not the expected "
              + expected.get()
              + ": it changed, or was tokenized with other settings; name another with --corpus"
              + " or correct corpus.sha256");
    }
    return new LoadedCorpus(corpus, path, false, List.of());
  }

  /** The path to record; lists of paths and patterns stay as written. */
  private String where(CorpusConfig config) {
    return texts
        .named(config.path())
        .filter(path -> rows.isEmpty() && config.table().isEmpty())
        .map(path -> storage.exists(path) ? storage.qualified(path) : path)
        .orElse("");
  }

  /**
   * Whether it is a short text for {@link CorpusSource}; also true for a missing one, which gives
   * the same error.
   */
  private boolean isShortText(String path, CorpusConfig config) {
    if (path.equals(CorpusSource.GENERATED)) {
      return true;
    }
    if (!storage.exists(path)) {
      return !SEVERAL.matcher(path).matches();
    }
    if (storage.isDirectory(path)) {
      return false;
    }
    long length = storage.length(path);
    if (length == 0) {
      return true;
    }
    CorpusFiles files = CorpusFiles.find(storage, path, config.format());
    return files.format() == CorpusFormat.TEXT
        && !files.isPacked()
        && length <= config.memory().bytes();
  }

  /** Whether a path is a single text file of any length that is not packed. */
  public static boolean isPlainText(Storage storage, String path) {
    if (!storage.exists(path) || storage.isDirectory(path) || storage.length(path) == 0) {
      return !SEVERAL.matcher(path).matches() && !storage.isDirectory(path);
    }
    CorpusFiles files = CorpusFiles.find(storage, path, CorpusConfig.Format.AUTO);
    return files.format() == CorpusFormat.TEXT && !files.isPacked();
  }

  private void requireNoHalf(String path) {
    if (storage.exists(Storage.resolve(path, TokenizingWork.FOLDER + "/plan.json"))) {
      throw new UserError(
          path + ": is an incomplete token folder; finish it with jobs/tokenize.sh --out " + path);
    }
  }

  private static String folder(CorpusConfig config, String parent, CorpusTokenizer tokenizer) {
    return config.tokens().isEmpty()
        ? Storage.resolve(
            parent, "avatarl-tokens/" + tokenizer.fingerprint().substring(0, FOLDER_DIGITS))
        : config.tokens();
  }

  private static TokenFolder.Limits limits(CorpusConfig config, int validationTokens) {
    return new TokenFolder.Limits(
        config.memory().bytes(), config.cache().bytes(), validationTokens);
  }
}
