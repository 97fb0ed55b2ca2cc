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
 * The rollouts of a run as DataFrames. No class of this project is needed to read them ({@code
 * spark.read.parquet(RUN + "/rollouts")} gives the same rows, or {@code
 * spark.read.format("delta").load(RUN + "/rollouts")} those of a Delta table); this one tells the
 * two apart, leaves out steps that are only half written, gives {@code step} as a long, and knows
 * the views.
 *
 * <p>From Python: {@code spark._jvm.io.avatarl.spark.Rollouts.registerViews(spark._jsparkSession,
 * run)}, then {@code spark.sql("SELECT * FROM progress")}.
 */
public final class Rollouts {
  /** The columns, in order; see {@link RolloutColumns}. */
  public static final StructType SCHEMA = RolloutColumns.SCHEMA;

  private Rollouts() {}

  /**
   * All rollouts of a run, with the columns of {@link #SCHEMA}.
   *
   * @param run its folder, any Hadoop path
   * @throws UserError where there is no run, it has no table yet, or a newer version wrote it
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

  /** Spark takes a path for a pattern; in this one, brackets and stars are a folder's own. */
  private static String literal(String path) {
    return HadoopPath.of(path).replaceAll("[\\[\\]{}*?\\\\]", "\\\\$0");
  }

  /**
   * The steps that have a whole table, ascending, at least one.
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
              + ": has no rollout table yet; it gets one at its first step, unless rolloutTable.every = 0");
    }
    return steps;
  }

  /**
   * Fails unless a step has a whole table.
   *
   * @throws UserError as {@link #read}, or where this step has none or half of one
   */
  public static void requireStep(SparkSession spark, String run, long step) {
    List<Long> steps = steps(spark, run);
    if (!steps.contains(step)) {
      String why =
          RolloutTable.begun(storage(spark), run, step)
              ? " is half written, by a run that was killed or still writes it"
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
   * Registers temporary views of a run: {@code rollouts}, and those of {@link RolloutViews} made of
   * it; {@code metrics} has the run's records.
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
