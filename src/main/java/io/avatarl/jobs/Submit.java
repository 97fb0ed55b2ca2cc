package io.avatarl.jobs;

import org.apache.spark.deploy.SparkSubmit;

/**
 * {@code spark-submit} behind the door of all commands: what Spark has to say against its options,
 * and what goes wrong before the job's own {@code main}, is one line and exit code 2.
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
