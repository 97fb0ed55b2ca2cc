package io.avatarl.spark.table;

import io.avatarl.config.Failure;
import io.avatarl.config.RolloutTableConfig;
import io.avatarl.config.RolloutTableConfig.Format;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Committer;
import io.avatarl.files.HadoopPath;
import io.avatarl.files.Storage;
import java.util.List;
import java.util.Optional;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.SerializableConfiguration;

/**
 * The rollout table on disk: {@code RUN/rollouts/step=N/part-SSSSS.parquet}, one file per shard,
 * steps counted from 1.
 *
 * <p>Each step is written exactly once, even if tasks are retried. A task writes its shard's file
 * into the hidden folder {@code .step=N}, under a temporary name, and renames it to the shard's
 * name; a second attempt finds that name taken, by equal rows, and leaves it. When all tasks are
 * done, the driver renames the folder and writes {@code _SUCCESS} into it. {@code
 * spark.read.parquet} skips hidden folders; {@code Rollouts} also skips folders without {@code
 * _SUCCESS}.
 *
 * <p>An object store cannot rename a folder atomically. There, a {@link Committer} (S3A) makes the
 * step's files appear together in its final folder; without a committer they appear one by one,
 * each complete. {@code _SUCCESS} is written last and deleted first.
 *
 * <p>With {@code rolloutTable.format = delta} the tasks do the same, and the driver then commits
 * what is in the hidden folder to the Delta table {@code RUN/rollouts}; see {@link DeltaRollouts}.
 */
public final class RolloutTable {
  /** Increased when older readers can no longer read the columns. */
  static final int VERSION = 1;

  private static final String FOLDER = "rollouts";
  // Next to the table, because inside it some readers would take it for data.
  private static final String VERSION_FILE = "rollouts.format";
  // Where earlier versions wrote it.
  private static final String OLD_VERSION_FILE = FOLDER + "/_format";
  private static final String DONE = "_SUCCESS";
  private static final String STEP = "step=";

  private final SparkSession spark;
  private final Storage storage;
  private final String run;
  private final RolloutTableConfig config;
  private final int steps;
  private final int shards;
  private final Broadcast<SerializableConfiguration> hadoop;

  /** The driver's side. */
  public RolloutTable(JavaSparkContext spark, TrainingConfig config, String run) {
    this.spark = SparkSession.builder().sparkContext(spark.sc()).getOrCreate();
    this.storage = new Storage(spark.hadoopConfiguration());
    this.run = run;
    this.config = config.rolloutTable();
    this.steps = config.steps();
    this.shards = config.shardsPerStep();
    this.hadoop = spark.broadcast(new SerializableConfiguration(spark.hadoopConfiguration()));
  }

  /**
   * Fails if a run could not write its tables.
   *
   * @param run its folder
   * @param classes class loader that Spark uses for formats
   * @throws UserError with what to add or change
   */
  public static void check(
      RolloutTableConfig config, Storage storage, String run, ClassLoader classes) {
    if (config.format() == Format.DELTA) {
      DeltaRollouts.require("rolloutTable.format = delta", classes);
    }
    Committer.of(storage, run);
  }

  /**
   * Begins a step's table and returns the writer for its tasks.
   *
   * @param step from 1
   * @param stage name of the curriculum's stage
   */
  public TableWriter begin(long step, String stage) {
    if (!config.due(step, steps)) {
      return TableWriter.NONE;
    }
    requireVersion(storage, run);
    storage.delete(hidden(run, step));
    if (!isDelta()) {
      discard(storage, folder(run, step));
    }
    Optional<Committer> committer = Committer.of(storage, staging(step));
    committer.ifPresent(ours -> ours.begin(storage));
    return new StepWriter(staging(step), step, stage, committer, hadoop);
  }

  /** Writes a step's table from rows on the driver; replaces an earlier one. */
  static void replace(Storage storage, String run, long step, Dataset<Row> rows) {
    requireVersion(storage, run);
    String folder = folder(run, step);
    discard(storage, folder);
    rows.write().mode(SaveMode.Overwrite).parquet(HadoopPath.of(folder));
    storage.writeString(Storage.resolve(folder, DONE), "");
  }

  private static void requireVersion(Storage storage, String run) {
    String version = Storage.resolve(run, VERSION_FILE);
    if (!storage.exists(version)) {
      storage.writeString(version, VERSION + "\n");
    }
  }

  /** The folder that the tasks of a step write into. */
  private String staging(long step) {
    return !isDelta() && storage.isObjectStore(run) ? folder(run, step) : hidden(run, step);
  }

  /** Deletes a step; a reader finds all of it or nothing. */
  private static void discard(Storage storage, String folder) {
    storage.delete(Storage.resolve(folder, DONE));
    storage.delete(folder);
  }

  /** Makes a step's table visible, once all its tasks are done. */
  public void commit(TableWriter writer) {
    if (writer instanceof StepWriter files) {
      commit(files);
    }
  }

  private void commit(StepWriter writer) {
    long step = writer.step();
    Optional<Committer> committer = writer.committer();
    if (committer.isPresent()) {
      committer.get().commit(storage);
      requireAll(writer, committer.get());
    }
    if (isDelta()) {
      // The files, not the folder: Spark warns of hidden ones.
      List<String> files =
          storage.list(hidden(run, step)).stream()
              .filter(RolloutTable::isPart)
              .map(name -> Storage.resolve(hidden(run, step), name))
              .toList();
      DeltaRollouts.replace(spark, folder(run), step, files);
      storage.delete(hidden(run, step));
    } else if (committer.isEmpty()) {
      if (!staging(step).equals(folder(run, step))) {
        storage.rename(hidden(run, step), folder(run, step));
      }
      storage.writeString(Storage.resolve(folder(run, step), DONE), "");
    }
  }

  /**
   * Some committers track uploads in files that driver and executors must share. If they do not,
   * the committer silently commits less than was written.
   */
  private void requireAll(StepWriter writer, Committer committer) {
    long files = storage.list(writer.folder()).stream().filter(RolloutTable::isPart).count();
    if (files != shards) {
      storage.delete(Storage.resolve(writer.folder(), DONE));
      throw new Failure(
          String.format(
              "%s: %d of %d files are there after the commit by fs.s3a.committer.name = %s;"
                  + " driver and"
                  + " executors must share its staging folder"
                  + " (fs.s3a.committer.staging.tmp.path), or"
                  + " take magic",
              writer.folder(), files, shards, committer.name()));
    }
  }

  private static boolean isPart(String name) {
    return name.startsWith("part-");
  }

  /** Discards a step's table that was not committed, as far as the store can be reached. */
  public void abort(TableWriter writer) {
    if (!(writer instanceof StepWriter files)) {
      return;
    }
    try {
      files.committer().ifPresent(committer -> committer.abort(storage));
    } catch (RuntimeException e) {
      // Leaves the state of a killed run. The run already has a failure to report.
    }
  }

  private boolean isDelta() {
    return config.format() == Format.DELTA;
  }

  /** Whether a run's table is a Delta table, judged by its files. */
  public static boolean isDelta(Storage storage, String run) {
    return DeltaRollouts.committed(storage, folder(run));
  }

  /** Deletes the tables of steps after a checkpoint; resuming repeats these steps. */
  public static void dropAfter(SparkSession spark, Storage storage, String run, long step) {
    boolean delta = isDelta(storage, run);
    if (delta) {
      DeltaRollouts.dropAfter(spark, folder(run), step);
    }
    if (storage.exists(folder(run))) {
      for (String name : storage.list(folder(run))) {
        String visible = name.startsWith(".") ? name.substring(1) : name;
        // A Delta table's own folders hold the files in its log.
        boolean ours = !delta || name.startsWith(".");
        if (ours
            && visible.matches(STEP + "\\d+")
            && Long.parseLong(visible.substring(STEP.length())) > step) {
          discard(storage, Storage.resolve(folder(run), name));
        }
      }
    }
  }

  /** The table's folder, which any Parquet reader can read. */
  public static String folder(String run) {
    return Storage.resolve(run, FOLDER);
  }

  public static String folder(String run, long step) {
    return Storage.resolve(folder(run), STEP + step);
  }

  private static String hidden(String run, long step) {
    return Storage.resolve(folder(run), "." + STEP + step);
  }

  /**
   * The steps with a complete table, ascending.
   *
   * @throws UserError if a newer version wrote them
   */
  public static List<Long> complete(SparkSession spark, Storage storage, String run) {
    for (String name : List.of(VERSION_FILE, OLD_VERSION_FILE)) {
      String file = Storage.resolve(run, name);
      if (!storage.exists(file)) {
        continue;
      }
      String version = storage.readString(file).strip();
      if (!version.equals(Integer.toString(VERSION))) {
        throw new UserError(
            folder(run)
                + ": written in format "
                + version.lines().findFirst().orElse("(empty)")
                + ", this version reads format "
                + VERSION
                + "; use the version of avatarl that wrote the run, or a newer one");
      }
    }
    if (!storage.exists(folder(run))) {
      return List.of();
    }
    if (isDelta(storage, run)) {
      return DeltaRollouts.steps(spark, folder(run));
    }
    return storage.list(folder(run)).stream()
        .filter(name -> name.matches(STEP + "\\d+"))
        .map(name -> Long.valueOf(name.substring(STEP.length())))
        .filter(step -> storage.exists(Storage.resolve(folder(run, step), DONE)))
        .sorted()
        .toList();
  }

  /** Whether a step's table was begun; it may still be incomplete. */
  public static boolean begun(Storage storage, String run, long step) {
    // Delta keeps the folders of steps that it dropped.
    return storage.exists(hidden(run, step))
        || !isDelta(storage, run) && storage.exists(folder(run, step));
  }
}
