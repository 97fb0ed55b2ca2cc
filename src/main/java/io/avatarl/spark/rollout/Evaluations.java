package io.avatarl.spark.rollout;

import io.avatarl.evaluation.Scores;
import io.avatarl.spark.transport.JobThread;
import io.avatarl.spark.transport.TaskValue;
import java.util.function.LongConsumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.LongAccumulator;

/**
 * Scores the newest weights on the validation split, one Spark job for each evaluation.
 *
 * @param parts tasks of a job
 */
record Evaluations(
    JavaSparkContext spark,
    TaskValue<RunContext> context,
    PolicyVersions versions,
    JobThread jobs,
    int parts) {
  /** Scores the windows of the split that {@code coverage} selects. */
  Scores run(String description, EvaluationTask.Coverage coverage) {
    return run(description, coverage, spark.sc().longAccumulator());
  }

  /**
   * The same, with progress.
   *
   * @param scored is told how many windows are done, on a thread of Spark's
   */
  Scores run(String description, EvaluationTask.Coverage coverage, LongConsumer scored) {
    LongAccumulator counted = spark.sc().longAccumulator();
    TaskProgress progress = new TaskProgress(counted, scored);
    spark.sc().addSparkListener(progress);
    Scores scores;
    try {
      scores = run(description, coverage, counted);
    } finally {
      if (!spark.sc().isStopped()) {
        spark.sc().removeSparkListener(progress);
      }
    }
    scored.accept(counted.value());
    return scores;
  }

  private Scores run(
      String description, EvaluationTask.Coverage coverage, LongAccumulator counted) {
    return versions.withExact(
        policy -> {
          Scores total = new Scores();
          JobThread.await(
                  jobs.submit(
                      () ->
                          jobs.run(
                              description,
                              new EvaluationTask(context, policy, coverage, parts, counted),
                              parts)))
              .forEach(total::add);
          return total;
        });
  }
}
