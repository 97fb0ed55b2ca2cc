package io.avatarl.spark.table;

import io.avatarl.config.UserError;
import io.avatarl.files.HadoopPath;
import io.avatarl.files.Storage;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;

/**
 * Rows that a user names: a file or folder at any Hadoop path (Parquet, ORC, Delta, JSON lines, CSV
 * with a header, or a text with a prompt in each line), or a table of Spark's catalog.
 */
public final class NamedRows {
  private static final String TABLE = "[A-Za-z_]\\w*(\\.[A-Za-z_]\\w*){0,2}";

  private NamedRows() {}

  /**
   * Reads the rows.
   *
   * @param option the option that names them, for errors
   * @throws UserError if they do not exist
   */
  public static Dataset<Row> read(SparkSession spark, Storage storage, String option, String name) {
    if (storage.exists(name)) {
      String path = HadoopPath.of(name);
      String format = format(storage, name);
      return format.equals("text")
          ? spark.read().text(path).where("value <> ''").toDF(ContinuationColumns.PROMPT)
          : spark.read().format(format).option("header", true).load(path);
    }
    if (isTable(spark, name)) {
      return spark.table(name);
    }
    throw new UserError(
        option + " " + name + ": no such file, folder or table; name an existing one");
  }

  /**
   * Writes rows to a new table of the catalog ({@code catalog.schema.table} or {@code
   * schema.table}), or else as Parquet to a new folder.
   *
   * @throws UserError if there is something already
   */
  public static void requireNew(SparkSession spark, Storage storage, String option, String name) {
    if (storage.exists(name) || isTable(spark, name)) {
      throw new UserError(option + " " + name + ": exists already; name another");
    }
  }

  /** Writes rows after {@link #requireNew}. */
  public static void write(Dataset<Row> rows, String name) {
    if (name.contains(".") && name.matches(TABLE)) {
      rows.write().saveAsTable(name);
    } else {
      // Executors have other working directories.
      Storage storage = new Storage(rows.sparkSession().sparkContext().hadoopConfiguration());
      rows.write().mode(SaveMode.ErrorIfExists).parquet(HadoopPath.of(storage.qualified(name)));
    }
  }

  private static boolean isTable(SparkSession spark, String name) {
    return name.matches(TABLE) && spark.catalog().tableExists(name);
  }

  private static String format(Storage storage, String name) {
    String file = name;
    if (storage.isDirectory(name)) {
      if (storage.exists(Storage.resolve(name, "_delta_log"))) {
        return "delta";
      }
      List<String> inside =
          storage.list(name).stream()
              .filter(n -> !n.startsWith("_") && !n.startsWith("."))
              .toList();
      // Partitioned: the folders of Spark's own writers.
      file = inside.isEmpty() || inside.get(0).contains("=") ? "x.parquet" : inside.get(0);
    }
    String plain = file.toLowerCase(Locale.ROOT).replaceFirst("\\.(gz|bz2|zst)$", "");
    for (String format : List.of("parquet", "orc", "csv", "json")) {
      if (plain.endsWith("." + format)) {
        return format;
      }
    }
    return plain.endsWith(".jsonl") ? "json" : "text";
  }
}
