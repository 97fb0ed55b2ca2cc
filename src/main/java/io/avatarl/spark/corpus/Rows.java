package io.avatarl.spark.corpus;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.length;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.sha2;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.xxhash64;

import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.TextChunks;
import io.avatarl.files.FileEntry;
import io.avatarl.files.StorageSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.apache.spark.Partitioner;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.Tuple2;

/**
 * Documents from a column of strings. Rows have no order, so they are sorted by the columns of
 * {@code corpus.orderBy}, then by the SHA-256 of the text. The same rows therefore give the same
 * text, however they are divided into files or partitions.
 *
 * @param name for messages
 * @param rows the text, then the columns to sort by
 * @param identity see {@link CorpusInput}
 * @param bytes approximate length of the texts in bytes
 */
record Rows(String name, Dataset<Row> rows, String identity, long bytes) implements CorpusInput {
  private static final String TEXT = "text";

  /** Lines of a JSON file from which the columns are inferred. */
  private static final int INFERRED = 1000;

  /** Assumed ratio of a text's length to that of the columnar or packed file it is in. */
  private static final int UNPACKED = 3;

  private static final int MOST_PIECES = 20_000;

  /** Rows of files. */
  static Rows ofFiles(Supplier<SparkSession> session, CorpusFiles files, CorpusConfig config) {
    requireColumn(files.name() + " is " + files.format().spelling(), config);
    if (files.files().stream()
        .anyMatch(f -> CorpusFormat.Packing.of(f.path()) == CorpusFormat.Packing.ZSTD)) {
      throw new UserError(
          "Corpus "
              + files.name()
              + ": Spark reads "
              + files.format().spelling()
              + " packed by zstd only with a native library; unpack it with unzstd, or pack it"
              + " with gzip");
    }
    SparkSession spark = session.get();
    DataFrameReader reader = spark.read();
    String[] paths =
        files.format() == CorpusFormat.DELTA
            ? files.roots().toArray(String[]::new)
            : files.files().stream().map(FileEntry::path).toArray(String[]::new);
    Dataset<Row> rows;
    try {
      switch (files.format()) {
        case JSONL -> {
          StructType inferred =
              spark.read().json(spark.read().textFile(paths).limit(INFERRED)).schema();
          requireText(files.name(), inferred, config.column());
          reader = reader.schema(inferred).option("mode", "FAILFAST");
        }
        case CSV ->
            reader =
                reader
                    .option("header", true)
                    .option("multiLine", true)
                    .option("escape", "\"")
                    .option("mode", "FAILFAST");
        default -> {}
      }
      rows = reader.format(files.format().spark()).load(paths);
    } catch (Exception e) { // Spark also throws checked exceptions.
      throw unreadable(files.name(), e);
    }
    long bytes =
        files.bytes()
            * (files.isPacked() || files.format().spark().matches("parquet|orc|delta")
                ? UNPACKED
                : 1);
    return of(files.name(), rows, config, files.listing(), bytes);
  }

  /** A table of the catalog. */
  static Rows ofTable(Supplier<SparkSession> spark, CorpusConfig config) {
    requireColumn(config.table() + " is a table", config);
    Dataset<Row> rows;
    try {
      rows = spark.get().table(config.table());
    } catch (Exception e) {
      throw unreadable(config.table(), e);
    }
    return ofDataset(config.table(), rows, config);
  }

  /** Any rows. */
  static Rows ofDataset(String name, Dataset<Row> rows, CorpusConfig config) {
    requireColumn(name + " has columns", config);
    requireText(name, rows.schema(), config.column());
    // There may be no files, so identifying the content takes a pass over the rows.
    Column text = col(quoted(config.column()));
    Row facts;
    try {
      facts =
          rows.agg(
                  count(lit(1)),
                  sum(length(text)),
                  sum(xxhash64(text).cast("decimal(20,0)")),
                  sum(xxhash64(text, lit(1)).bitwiseAND(lit(0xffffffffL)).cast("decimal(20,0)")))
              .head();
    } catch (Exception e) {
      throw unreadable(name, e);
    }
    long characters = facts.isNullAt(1) ? 0 : facts.getLong(1);
    return of(name, rows, config, facts.toString(), characters);
  }

  private static Rows of(
      String name, Dataset<Row> rows, CorpusConfig config, String identity, long bytes) {
    requireText(name, rows.schema(), config.column());
    List<Column> columns = new ArrayList<>();
    columns.add(col(quoted(config.column())).as(TEXT));
    for (String key : orderKeys(config)) {
      if (!List.of(rows.columns()).contains(key)) {
        throw new UserError(
            "corpus.orderBy: "
                + name
                + " has no column "
                + key
                + "; it has "
                + String.join(", ", rows.columns()));
      }
      columns.add(col(quoted(key)).as("order" + columns.size()));
    }
    return new Rows(name, rows.select(columns.toArray(Column[]::new)), identity, bytes);
  }

  private static List<String> orderKeys(CorpusConfig config) {
    return Arrays.stream(config.orderBy().split(","))
        .map(String::strip)
        .filter(key -> !key.isEmpty())
        .toList();
  }

  private static String quoted(String column) {
    return "`" + column.replace("`", "``") + "`";
  }

  private static void requireColumn(String what, CorpusConfig config) {
    if (config.column().isEmpty()) {
      throw new UserError(
          "Corpus " + what + ": name the column that has the texts (--set corpus.column=NAME)");
    }
  }

  private static void requireText(String name, StructType schema, String column) {
    List<String> names = List.of(schema.fieldNames());
    if (!names.contains(column)) {
      throw new UserError(
          "corpus.column: "
              + name
              + " has no column "
              + column
              + "; it has "
              + (names.isEmpty() ? "none" : String.join(", ", names)));
    }
    if (!schema.apply(column).dataType().equals(DataTypes.StringType)) {
      throw new UserError(
          "corpus.column: "
              + column
              + " of "
              + name
              + " is of type "
              + schema.apply(column).dataType().simpleString()
              + " and not a string");
    }
  }

  private static RuntimeException unreadable(String name, Exception e) {
    for (Throwable t = e; t != null; t = t.getCause()) {
      boolean missing = t instanceof ClassNotFoundException;
      if (t instanceof AnalysisException || missing || t instanceof java.io.FileNotFoundException) {
        return new UserError(
            "Cannot read corpus "
                + name
                + ": "
                + String.valueOf(t.getMessage()).lines().findFirst().orElse("")
                + (missing || String.valueOf(t.getMessage()).contains("DATA_SOURCE_NOT_FOUND")
                    ? "; add its library with --packages"
                    : ""),
            e);
      }
    }
    return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
  }

  @Override
  public Documents<?> documents(
      JavaSparkContext spark,
      StorageSettings storage,
      TextChunks.Boundary boundary,
      long pieceBytes) {
    int pieces = (int) Math.max(1, Math.min(MOST_PIECES, bytes / pieceBytes));
    if (rows.columns().length > 1) {
      Column[] order =
          Arrays.stream(rows.columns()).skip(1).map(name -> col(name)).toArray(Column[]::new);
      Column[] all = Arrays.copyOf(order, order.length + 1);
      all[order.length] = sha2(col(TEXT), 256);
      JavaRDD<String> sorted =
          rows.repartitionByRange(pieces, order)
              .sortWithinPartitions(all)
              .select(TEXT)
              .map(
                  (org.apache.spark.api.java.function.MapFunction<Row, String>)
                      row -> row.isNullAt(0) ? "" : row.getString(0),
                  Encoders.STRING())
              .javaRDD();
      return Documents.ofRows(sorted, false);
    }
    JavaPairRDD<String, String> keyed =
        rows.select(col(TEXT), sha2(col(TEXT), 256))
            .javaRDD()
            .mapToPair(
                row ->
                    row.isNullAt(0)
                        ? new Tuple2<>(NO_TEXT, "")
                        : new Tuple2<>(row.getString(1), row.getString(0)));
    JavaRDD<String> sorted = keyed.repartitionAndSortWithinPartitions(new ByHash(pieces)).values();
    return Documents.ofRows(sorted, true);
  }

  private static final String NO_TEXT = "00000000";

  /** Partitions texts by ranges of their hash, in order. */
  private static final class ByHash extends Partitioner {
    private final int pieces;

    ByHash(int pieces) {
      this.pieces = pieces;
    }

    @Override
    public int numPartitions() {
      return pieces;
    }

    @Override
    public int getPartition(Object key) {
      long bits = Long.parseLong(((String) key).substring(0, NO_TEXT.length()), 16);
      return (int) (bits * pieces >>> Integer.SIZE);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof ByHash that && pieces == that.pieces;
    }

    @Override
    public int hashCode() {
      return pieces;
    }
  }
}
