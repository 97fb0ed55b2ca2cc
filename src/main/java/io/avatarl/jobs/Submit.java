package io.avatarl.jobs;

import org.apache.spark.deploy.SparkSubmit;

/**
 * Runs {@code spark-submit} for all commands, so that errors in its options, or before the job's
 * own {@code main}, are one line and exit code 2.
 */
public final class Submit {
  private Submit() {}

  /**
   * @param args of {@code spark-submit}
   */
  public static void main(String[] args) {
    Job.guarded(() -> SparkSubmit.main(args), args);
  }
}
