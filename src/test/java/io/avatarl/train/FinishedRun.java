package io.avatarl.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/** A finished run for tests of what is done with runs. */
public final class FinishedRun {
  private FinishedRun() {}

  /** Spark on two cores of this machine. */
  public static SparkSession spark() {
    return TinyTraining.spark("local[2]", Map.of());
  }

  /** Trains below {@code folder}; the run's folder. */
  public static Path of(SparkSession spark, Path folder, String... overrides) throws IOException {
    Path run = folder.resolve("trial-run");
    TinyTraining.train(spark, TinyTraining.corpus(folder), run, overrides);
    return run;
  }
}
