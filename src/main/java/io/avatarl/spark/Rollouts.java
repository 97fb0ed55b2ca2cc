package io.avatarl.spark;

import io.avatarl.config.UserError;
import io.avatarl.files.HadoopPath;
import io.avatarl.files.Storage;
import io.avatarl.spark.table.DeltaRollouts;
import io.avatarl.spark.table.RolloutColumns;
import io.avatarl.spark.table.RolloutTable;
import io.avatarl.spark.table.RolloutViews;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * The rollouts of a run as DataFrames. They can also be read without this project, with {@code
 * spark.read.parquet(RUN + "/rollouts")} or, for a Delta table, {@code
 * spark.read.format("delta").load(RUN + "/rollouts")}. This class recognises the format, leaves out
 * incomplete steps, gives {@code step} as a long, and has the views.
 *
 * <p>From Python: {@code avatarl.register_views(spark, run)}, then {@code spark.sql("SELECT * FROM
 * progress")}.
 */
public final class Rollouts {
  /** The columns, in order; see {@link RolloutColumns}. */
  public static final StructType SCHEMA = RolloutColumns.SCHEMA;

  private Rollouts() {}

  /**
   * All rollouts of a run, with the columns of {@link #SCHEMA}.
   *
   * @param run its folder, any Hadoop path
   * @throws UserError if there is no run, it has no table yet, or a newer version wrote it
   */
  public static Dataset<Row> read(SparkSession spark, String run) {
    List<Long> steps = steps(spark, run);
    if (RolloutTable.isDelta(storage(spark), run)) {
      return DeltaRollouts.read(spark, HadoopPath.of(RolloutTable.folder(run)));
    }
    String[] folders =
        steps.stream().map(step -> literal(RolloutTable.folder(run, step))).toArray(String[]::new);
    Dataset<Row> rows =
        spark
            .read()
            .schema(SCHEMA)
            .option("basePath", HadoopPath.of(RolloutTable.folder(run)))
            .parquet(folders);
    return rows.select(RolloutColumns.of(rows));
  }

  /** Escapes a path, because Spark would read brackets and stars in it as a pattern. */
  private static String literal(String path) {
    return HadoopPath.of(path).replaceAll("[\\[\\]{}*?\\\\]", "\\\\$0");
  }

  /**
   * The steps that have a complete table, ascending, at least one.
   *
   * @throws UserError as {@link #read}
   */
  public static List<Long> steps(SparkSession spark, String run) {
    Storage storage = storage(spark);
    if (!storage.exists(run)) {
      throw new UserError(run + ": no such run; name the folder that jobs/train.sh printed");
    }
    List<Long> steps = RolloutTable.complete(spark, storage, run);
    if (steps.isEmpty()) {
      throw new UserError(
          run
              + ": has no rollout table yet; its first step writes one, unless rolloutTable.every"
              + " = 0");
    }
    return steps;
  }

  /**
   * Fails unless a step has a complete table.
   *
   * @throws UserError as {@link #read}, or if this step's table is missing or incomplete
   */
  public static void requireStep(SparkSession spark, String run, long step) {
    List<Long> steps = steps(spark, run);
    if (!steps.contains(step)) {
      String why =
          RolloutTable.begun(storage(spark), run, step)
              ? " is incomplete, because the run was killed or is still writing it"
              : " has no rollout table";
      throw new UserError(run + ": step " + step + why + "; there are steps " + shown(steps));
    }
  }

  private static String shown(List<Long> steps) {
    int shown = 12;
    String first =
        steps.stream().limit(shown).map(String::valueOf).reduce((a, b) -> a + ", " + b).get();
    return steps.size() <= shown ? first : first + ", ... " + steps.get(steps.size() - 1);
  }

  /**
   * Registers temporary views of a run: {@code rollouts}, the {@link RolloutViews} on it, and
   * {@code metrics} with the run's records.
   *
   * @throws UserError as {@link #read}
   */
  public static void registerViews(SparkSession spark, String run) {
    read(spark, run).createOrReplaceTempView("rollouts");
    RolloutViews.SQL.forEach((name, sql) -> spark.sql(sql).createOrReplaceTempView(name));
    metrics(spark, run).createOrReplaceTempView("metrics");
  }

  /** The records of a run: one row per update and per evaluation ({@code kind}). */
  public static Dataset<Row> metrics(SparkSession spark, String run) {
    String folder = Storage.resolve(run, "metrics");
    if (storage(spark).exists(folder)) {
      return spark.read().json(literal(folder));
    }
    return spark.emptyDataFrame().selectExpr("'' AS kind", "0L AS step");
  }

  private static Storage storage(SparkSession spark) {
    return new Storage(spark.sparkContext().hadoopConfiguration());
  }
}
