package io.avatarl.spark.rollout;

import io.avatarl.config.CurriculumStage;
import io.avatarl.evaluation.Scores;
import io.avatarl.spark.transport.JobThread;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.spark.transport.TaskValue;
import java.util.List;
import java.util.function.LongConsumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.util.LongAccumulator;

/**
 * Scores and pays the newest weights on the validation split, one Spark job for each evaluation.
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
    Scores total = new Scores();
    onParts(description, policy -> new EvaluationTask(context, policy, coverage, parts, counted))
        .forEach(total::add);
    return total;
  }

  /** See {@link PolicyCluster#heldOutRewards}. */
  HeldOutRewards heldOutRewards(CurriculumStage stage) {
    return onParts(
            "rewards of the validation split",
            policy -> new HeldOutTask(context, policy, stage, parts))
        .stream()
        .reduce(HeldOutRewards::plus)
        .orElseThrow();
  }

  private <T> List<T> onParts(
      String description, java.util.function.Function<PolicyBroadcast, Function<Integer, T>> task) {
    return versions.withExact(
        policy ->
            JobThread.await(jobs.submit(() -> jobs.run(description, task.apply(policy), parts))));
  }
}
