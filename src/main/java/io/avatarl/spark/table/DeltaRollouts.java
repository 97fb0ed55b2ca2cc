package io.avatarl.spark.table;

import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/**
 * The rollout table as a Delta table, partitioned by step.
 *
 * <p>Delta Lake is used only through its format name and never linked against: users add it to the
 * class path, and platforms have their own builds.
 */
public final class DeltaRollouts {
  /** Delta's public entry point, which every build has. */
  static final String CLASS = "io.delta.tables.DeltaTable";

  /** The package for the running Spark; the tests in the pom use the same. */
  static final String PACKAGE = packageFor(org.apache.spark.package$.MODULE$.SPARK_VERSION());

  /** Each Spark version needs its own Delta Lake. */
  static String packageFor(String spark) {
    return "io.delta:"
        + switch (spark.replaceFirst("^(\\d+\\.\\d+).*", "$1")) {
          case "3.5" -> "delta-spark_2.12:3.3.2";
          case "4.0" -> "delta-spark_2.13:4.0.1";
          case "4.1" -> "delta-spark_4.1_2.13:4.2.0";
          default -> "delta-spark_2.13:4.3.0";
        };
  }

  private static final String FORMAT = "delta";
  private static final String LOG = "_delta_log";

  private DeltaRollouts() {}

  /**
   * Fails if Delta Lake is missing.
   *
   * @param what what needs it, the beginning of the message
   * @param classes class loader that Spark uses, too
   * @throws UserError with instructions to add it
   */
  static void require(String what, ClassLoader classes) {
    try {
      Class.forName(CLASS, false, classes);
    } catch (ClassNotFoundException | LinkageError e) {
      throw new UserError(
          what + ": Delta Lake is not on the class path; add --packages " + PACKAGE, e);
    }
  }

  /** Whether a table has a commit; a log folder without one is a first write that was killed. */
  static boolean committed(Storage storage, String folder) {
    String log = Storage.resolve(folder, LOG);
    return storage.exists(log)
        && storage.list(log).stream().anyMatch(name -> name.matches("\\d{20}\\.json"));
  }

  /** The whole table, even if it was written without column comments. */
  public static Dataset<Row> read(SparkSession spark, String folder) {
    require(folder + " is a Delta table", Thread.currentThread().getContextClassLoader());
    Dataset<Row> rows = spark.read().format(FORMAT).load(folder);
    return rows.select(RolloutColumns.of(rows));
  }

  /** The steps in the table, ascending. */
  static List<Long> steps(SparkSession spark, String folder) {
    return read(spark, folder)
        .select("step")
        .distinct()
        .as(Encoders.LONG())
        .collectAsList()
        .stream()
        .sorted()
        .toList();
  }

  /**
   * Replaces a step's rows in the table by the rows of files. Idempotent.
   *
   * @param files Parquet files without the step
   */
  static void replace(SparkSession spark, String folder, long step, List<String> files) {
    Dataset<Row> rows =
        session(spark)
            .read()
            .schema(RolloutColumns.SCHEMA)
            .parquet(files.toArray(String[]::new))
            .withColumn("step", functions.lit(step));
    write(rows.select(RolloutColumns.of(rows)), folder, "step = " + step);
  }

  /** Removes the rows of later steps with a commit, which does not disturb readers. */
  static void dropAfter(SparkSession spark, String folder, long step) {
    if (steps(spark, folder).stream().anyMatch(later -> later > step)) {
      write(
          session(spark).createDataFrame(List.of(), RolloutColumns.SCHEMA),
          folder,
          "step > " + step);
    }
  }

  private static void write(Dataset<Row> rows, String folder, String replaced) {
    rows.write()
        .format(FORMAT)
        .mode("overwrite")
        .option("replaceWhere", replaced)
        // A run of an earlier version has a table with fewer columns.
        .option("mergeSchema", "true")
        .partitionBy("step")
        .save(folder);
  }

  /**
   * A session for writing. Delta normally requires its SQL extension and catalog, but only SQL
   * statements and named tables need them. This session works without, so that a run needs only the
   * library.
   */
  private static SparkSession session(SparkSession spark) {
    SparkSession own = spark.newSession();
    own.conf().set("spark.databricks.delta.requiredSparkConfsCheck.enabled", "false");
    // Replaces whole partitions, which needs no DELETE statement of the SQL extension.
    own.conf().set("spark.databricks.delta.replaceWhere.dataColumns.enabled", "false");
    // The table has more columns than Spark prints in a plan; it would warn about that.
    own.conf().set("spark.sql.debug.maxToStringFields", "100");
    // The log is short; by default it is split over 50 tasks.
    own.conf().set("spark.databricks.delta.snapshotPartitions", "1");
    return own;
  }
}
