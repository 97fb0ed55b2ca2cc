package io.avatarl.spark.rollout;

import io.avatarl.config.BroadcastConfig.Precision;
import io.avatarl.config.CurriculumStage;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.evaluation.Scores;
import io.avatarl.learner.LossSums;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.table.RolloutTable;
import io.avatarl.spark.transport.GuardedTask;
import io.avatarl.spark.transport.InProcessTransfer;
import io.avatarl.spark.transport.PackedFloats;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.spark.transport.PolicyWeights;
import io.avatarl.spark.transport.ShardFunction;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.rdd.RDD;

/**
 * The Spark side of a run, seen from the driver: broadcasts weights, runs rollouts and evaluations
 * on the executors. Jobs are submitted from one thread of its own, so that a step's rollouts can
 * run while the driver learns.
 */
public final class PolicyCluster implements AutoCloseable {
  /** Versions that may still be read by a job in flight. */
  private static final int KEPT_VERSIONS = 3;

  private static final int CLOSE_SECONDS = 30;

  private static final Pattern CANCELLED = Pattern.compile("Job \\d+ cancelled");

  private final JavaSparkContext spark;
  private final TrainingConfig config;
  private final String run = UUID.randomUUID().toString();
  private final Broadcast<RunContext> context;
  private final Deque<PolicyBroadcast> versions = new ArrayDeque<>();
  private final ExecutorService jobs;
  private final RolloutTable table;
  private final int attempts;
  // Of the step whose rounds are running; used by the jobs' thread alone.
  private RolloutTable.Writer writer;
  private float[] newest;

  /** By their count; used by the jobs' thread alone. */
  private final Map<Integer, RDD<Integer>> numbers = new HashMap<>();

  // A notebook cancels its cell's group.
  private final String callersGroup;

  /** A cluster for evaluation alone. */
  public PolicyCluster(JavaSparkContext spark, TrainingConfig config, Corpus corpus) {
    this(spark, config, corpus, null, null);
  }

  /**
   * @param plan how rollouts are paid
   * @param folder of the run, where rollout tables are written; null: none are
   */
  public PolicyCluster(
      JavaSparkContext spark,
      TrainingConfig config,
      Corpus corpus,
      RewardSetup plan,
      String folder) {
    this.spark = spark;
    this.config = config;
    this.callersGroup = spark.getLocalProperty("spark.jobGroup.id");
    this.context = spark.broadcast(new RunContext(run, config, corpus, plan));
    this.attempts = GuardedTask.attempts(spark.getConf());
    this.table = folder == null ? null : new RolloutTable(spark, config, folder);
    this.jobs =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread thread = new Thread(task, "spark-jobs");
              thread.setDaemon(true);
              return thread;
            });
  }

  /**
   * What the executors did in a step.
   *
   * @param shards in shard order
   * @param statistics summed over the shards
   * @param version of the policy that explored
   * @param job its cost
   */
  public record Step(
      List<RolloutShard> shards, RolloutStatistics statistics, long version, JobCost job) {}

  /**
   * What the executors did for an update that they share.
   *
   * @param parts gradients in shard order
   * @param sums over the shards
   * @param groups of all shards
   * @param statistics summed over the shards
   * @param version of the policy that explored
   * @param seconds in the backward pass, summed over the shards
   * @param job its cost
   */
  public record Gradients(
      List<float[]> parts,
      LossSums sums,
      int groups,
      RolloutStatistics statistics,
      long version,
      double seconds,
      JobCost job) {}

  /**
   * What a round cost. Under a local master the numbers are handed over by reference and their
   * bytes go nowhere.
   *
   * @param seconds wall time of the Spark job
   * @param tableSeconds of these, those the driver spent on the rollout table
   * @param broadcastBytes weights that went to each executor
   * @param returnedBytes numbers that came back to the driver from all tasks
   */
  public record JobCost(
      double seconds, double tableSeconds, long broadcastBytes, long returnedBytes) {}

  /**
   * A probe and the wall time of its job, without what it waited for jobs before it.
   *
   * @param seconds wall time
   */
  public record TimedSnapshot(PolicySnapshot probe, double seconds) {}

  /**
   * Makes these weights the ones that later jobs use.
   *
   * @param version above those before it: the rounds behind the weights, so that a resumed run
   *     counts on
   * @param values not changed any more
   */
  public void publish(long version, float[] values) {
    newest = values;
    versions.addLast(published(version, config.broadcast().precision(), values));
    if (versions.size() > KEPT_VERSIONS) {
      versions.removeFirst().destroy();
    }
  }

  private PolicyBroadcast published(long version, Precision precision, float[] values) {
    return PolicyBroadcast.of(
        spark, new PolicyWeights(run, version, new PackedFloats(precision, values)));
  }

  /**
   * Starts the rollouts of a step with the newest weights.
   *
   * @param step counts from 0 as the random streams do; people read it from 1
   * @param stage of the curriculum
   */
  public Future<Step> rollouts(long step, CurriculumStage stage) {
    PolicyBroadcast policy = versions.getLast();
    return jobs.submit(
        () -> {
          Tabled<RolloutShard> done =
              tabled(
                  step,
                  stage,
                  true,
                  true,
                  writer ->
                      run(
                          "step " + (step + 1) + ": rollouts",
                          new RolloutTask(new ShardPipeline(context, policy, step, stage, writer)),
                          config.rollout().shards()));
          RolloutStatistics statistics =
              done.results().stream()
                  .map(RolloutShard::statistics)
                  .reduce(RolloutStatistics.NONE, RolloutStatistics::plus);
          long returned = done.results().stream().mapToLong(RolloutShard::bytes).sum();
          return new Step(
              done.results(), statistics, policy.weights().version(), done.cost(policy, returned));
        });
  }

  /**
   * Lets the executors explore and differentiate for one update with the newest weights.
   *
   * @param step counts from 0
   * @param round of the step, from 0
   * @param stage of the curriculum
   * @param klWeight weight of the KL term in this update
   */
  public Gradients gradients(long step, int round, CurriculumStage stage, double klWeight) {
    PolicyBroadcast policy = versions.getLast();
    int rounds = config.roundsPerStep();
    String description =
        "step " + (step + 1) + ": update " + (round + 1) + " of " + rounds + " on executors";
    return await(
        jobs.submit(
            () -> {
              Tabled<ShardGradient> done =
                  tabled(
                      step,
                      stage,
                      round == 0,
                      round == rounds - 1,
                      writer ->
                          run(
                              description,
                              new GradientTask(
                                  new ShardPipeline(context, policy, step, stage, writer),
                                  round,
                                  klWeight),
                              config.rollout().shards()));
              List<float[]> parts = new ArrayList<>();
              LossSums sums = LossSums.NONE;
              RolloutStatistics statistics = RolloutStatistics.NONE;
              int groups = 0;
              double seconds = 0;
              long returned = 0;
              for (ShardGradient shard : done.results()) {
                parts.add(shard.gradient().values());
                sums = sums.plus(shard.sums());
                statistics = statistics.plus(shard.statistics());
                groups += shard.groups();
                seconds += shard.seconds();
                returned += shard.gradient().bytes();
              }
              return new Gradients(
                  parts,
                  sums,
                  groups,
                  statistics,
                  policy.weights().version(),
                  seconds,
                  done.cost(policy, returned));
            }));
  }

  /** The results of a job whose tasks may also have written the step's rollout table. */
  private record Tabled<T>(List<T> results, double seconds, double tableSeconds) {
    JobCost cost(PolicyBroadcast policy, long returned) {
      return new JobCost(seconds, tableSeconds, policy.weights().parameters().bytes(), returned);
    }
  }

  private interface TabledJob<T> {
    List<T> run(RolloutTable.Writer writer);
  }

  /**
   * Runs a round of a step.
   *
   * @param first whether the step's table begins with it
   * @param last whether the step's table is complete after it
   */
  private <T> Tabled<T> tabled(
      long step, CurriculumStage stage, boolean first, boolean last, TabledJob<T> job) {
    long start = System.nanoTime();
    if (table != null && first) {
      writer = table.begin(step + 1, stage.name());
    }
    long begun = System.nanoTime();
    List<T> results = job.run(writer);
    long collected = System.nanoTime();
    if (writer != null && last) {
      table.commit(writer);
      writer = null;
    }
    long end = System.nanoTime();
    return new Tabled<>(results, (end - start) / 1e9, (begun - start + end - collected) / 1e9);
  }

  /**
   * Asks the newest weights the probe's questions; they do not touch training.
   *
   * @param step steps behind the weights
   * @param stage of the curriculum
   */
  public TimedSnapshot probe(long step, CurriculumStage stage) {
    PolicyBroadcast policy = versions.getLast();
    String description = step == 0 ? "before step 1: probe" : "step " + step + ": probe";
    return await(
        jobs.submit(
            () -> {
              long start = System.nanoTime();
              PolicySnapshot probe =
                  run(description, new PolicySnapshotTask(context, policy, step, stage), 1).get(0);
              return new TimedSnapshot(probe, (System.nanoTime() - start) / 1e9);
            }));
  }

  /** Scores the newest weights, after {@code step} steps, on an even selection of the split. */
  public Scores evaluate(long step) {
    return evaluate("step " + step + ": evaluation", EvaluationTask.Coverage.SPREAD);
  }

  /** Scores the newest weights on the whole validation split, windows end to end. */
  public Scores evaluateConsecutive() {
    return evaluate("final evaluation: consecutive windows", EvaluationTask.Coverage.CONSECUTIVE);
  }

  /**
   * Scores the newest weights on the whole validation split, at least half a context before every
   * position.
   */
  public Scores evaluateSliding() {
    return evaluate("final evaluation: sliding windows", EvaluationTask.Coverage.SLIDING);
  }

  private Scores evaluate(String description, EvaluationTask.Coverage coverage) {
    // As many parts as a step has shards: sums of doubles depend on the parts, so these must not
    // depend on the cluster.
    int parts = config.rollout().shards();
    PolicyBroadcast policy = versions.getLast();
    // What is scored is the model that a checkpoint keeps, however it was rounded to explore.
    boolean exact = policy.weights().parameters().precision() == Precision.FLOAT32;
    PolicyBroadcast scored =
        exact ? policy : published(policy.weights().version(), Precision.FLOAT32, newest);
    try {
      Scores total = new Scores();
      await(
              jobs.submit(
                  () ->
                      run(
                          description,
                          new EvaluationTask(context, scored, coverage, parts),
                          parts)))
          .forEach(total::add);
      return total;
    } finally {
      if (!exact) {
        scored.destroy();
      }
    }
  }

  private <T> List<T> run(String description, Function<Integer, T> task, int parts) {
    spark.setJobGroup(callersGroup == null ? run : callersGroup, description, true);
    spark.addJobTag(run);
    List<GuardedTask.Result<T>> results =
        ShardFunction.run(
            spark,
            numbers.computeIfAbsent(parts, count -> ShardFunction.numbers(spark, count)),
            new GuardedTask<>(task, attempts),
            run);
    return results.stream().map(GuardedTask.Result::get).toList();
  }

  /** Task slots of the cluster as Spark sees it now. */
  public int slots() {
    return Math.max(1, spark.defaultParallelism());
  }

  /** The result of a job; its failure is thrown as it was. */
  public static <T> T await(Future<T> job) {
    try {
      return job.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for Spark", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  /** Whether a failure says that someone cancelled Spark's jobs. */
  public static boolean cancelled(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof SparkException && CANCELLED.matcher(t.getMessage()).find()) {
        return true;
      }
    }
    return false;
  }

  /**
   * After a failure on the driver: takes no more jobs and lets the one in flight end. Cancelled,
   * its tasks would lose what they work with, and Spark would say so at length.
   */
  public void settle() {
    jobs.shutdown();
    awaitJobs();
  }

  private void awaitJobs() {
    try {
      jobs.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    spark.cancelJobsWithTag(run);
    jobs.shutdownNow();
    // A job that is still ending must not find its broadcasts gone.
    awaitJobs();
    versions.forEach(PolicyBroadcast::destroy);
    InProcessTransfer.release(run);
    context.destroy();
    PolicyReplica.release(run);
    if (jobs.isTerminated() && writer != null) {
      table.abort(writer);
    }
  }
}
