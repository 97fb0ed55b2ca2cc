package io.avatarl.spark.rollout;

import io.avatarl.config.CurriculumStage;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.evaluation.Scores;
import io.avatarl.learner.LossSums;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.table.ContinuationColumns;
import io.avatarl.spark.table.RolloutTable;
import io.avatarl.spark.transport.InProcessTransfer;
import io.avatarl.spark.transport.JobThread;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.spark.transport.Summed;
import io.avatarl.spark.transport.TaskValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Future;
import java.util.function.LongConsumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * The Spark side of a run, seen from the driver: broadcasts weights, runs rollouts and evaluations
 * on the executors. A step's rollouts can run while the driver learns.
 */
public final class PolicyCluster implements AutoCloseable {
  private static final int PARTS_PER_SLOT = 4;

  private final JavaSparkContext spark;
  private final TrainingConfig config;
  private final String run;
  private final TaskValue<RunContext> context;
  private final PolicyVersions versions;
  private final JobThread jobs;
  private final CorpusTraffic traffic;
  private final TabledRounds rounds;
  private final Evaluations evaluations;

  private PolicyCluster(
      JavaSparkContext spark, RunContext context, Optional<RolloutTable> table, int kept) {
    this.spark = spark;
    this.config = context.config();
    this.run = context.run();
    this.context = TaskValue.of(spark, context);
    this.versions = new PolicyVersions(spark, run, config.broadcast().precision(), kept);
    this.jobs = new JobThread(spark, run);
    this.traffic = CorpusTraffic.of(spark);
    this.rounds = new TabledRounds(table);
    // As many parts as a step has shards: sums of doubles depend on the parts, so these must not
    // depend on the cluster.
    this.evaluations =
        new Evaluations(spark, this.context, versions, jobs, config.rollout().shards());
  }

  /** A cluster that can only evaluate. */
  public static PolicyCluster forEvaluation(
      JavaSparkContext spark, TrainingConfig config, Corpus corpus) {
    return new PolicyCluster(
        spark, RunContext.forEvaluation(newRun(), config, corpus), Optional.empty(), 1);
  }

  /** A cluster that can also pay rollouts in the validation split. */
  public static PolicyCluster forHeldOut(
      JavaSparkContext spark, TrainingConfig config, Corpus corpus, RewardSetup setup) {
    return new PolicyCluster(
        spark,
        RunContext.forTraining(newRun(), config, corpus, setup, new float[0]),
        Optional.empty(),
        1);
  }

  /**
   * A training run's cluster.
   *
   * @param setup how rollouts are scored
   * @param initial weights that training began with; empty: the random ones of the seed
   * @param folder of the run, where rollout tables are written
   */
  public static PolicyCluster forTraining(
      JavaSparkContext spark,
      TrainingConfig config,
      Corpus corpus,
      RewardSetup setup,
      float[] initial,
      String folder) {
    return new PolicyCluster(
        spark,
        RunContext.forTraining(newRun(), config, corpus, setup, initial),
        Optional.of(new RolloutTable(spark, config, folder)),
        1 + config.rollout().ahead());
  }

  /**
   * A cluster for continuations of prompts, whose rewards come from elsewhere.
   *
   * @param corpus gives the vocabulary; its text is not used
   * @param counts n-grams of the training split, if they are the KL term's reference
   * @param initial weights that training began with; empty: the random ones of the seed
   */
  public static PolicyCluster forPrompts(
      JavaSparkContext spark,
      TrainingConfig config,
      Corpus corpus,
      Optional<NgramCounts> counts,
      float[] initial) {
    return new PolicyCluster(
        spark,
        RunContext.forPrompts(newRun(), config, corpus, counts, initial),
        Optional.empty(),
        2); // Lost rows are drawn again.
  }

  private static String newRun() {
    return UUID.randomUUID().toString();
  }

  /**
   * The executors' results of a step.
   *
   * @param shards in shard order
   * @param statistics summed over the shards
   * @param version of the policy that explored
   * @param job cost of the Spark job
   */
  public record Step(
      List<RolloutShard> shards, RolloutStatistics statistics, long version, JobCost job) {}

  /**
   * What the executors did for an update that they share.
   *
   * @param parts summands of the minibatch's gradient, to be added in this order: under a local
   *     master those of the shards, else a single array, their sum
   * @param sums over the shards
   * @param groups of all shards
   * @param statistics summed over the shards
   * @param version of the policy that explored
   * @param seconds in the backward pass, summed over the shards
   * @param job cost of the Spark job
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
   * The cost of a round between driver and executors. Under a local master, values are passed by
   * reference; the bytes are those that other machines would get and return.
   *
   * @param seconds wall time of the Spark job
   * @param tableSeconds of these, those the driver spent on the rollout table
   * @param broadcastBytes weights that went to each executor
   * @param returnedBytes results returned to the driver: groups from all tasks, or the gradient
   *     from the tasks that added it up
   */
  public record JobCost(
      double seconds, double tableSeconds, long broadcastBytes, long returnedBytes) {}

  /**
   * A snapshot and the wall time of its job, without the wait for earlier jobs.
   *
   * @param seconds wall time
   */
  public record TimedSnapshot(PolicySnapshot snapshot, double seconds) {}

  /**
   * Makes these weights the ones that later jobs use.
   *
   * @param version above those before it: the rounds behind the weights, so that a resumed run
   *     counts on
   * @param values not changed any more
   */
  public void publish(long version, float[] values) {
    versions.publish(version, values);
  }

  /**
   * Starts the rollouts of a step with the newest weights.
   *
   * @param step counts from 0 as the random streams do; people read it from 1
   * @param stage of the curriculum
   */
  public Future<Step> rollouts(long step, CurriculumStage stage) {
    PolicyBroadcast policy = versions.newest();
    return jobs.submit(
        () -> {
          TabledRounds.Round<List<RolloutShard>> done =
              rounds.run(
                  step,
                  stage,
                  true,
                  true,
                  writer ->
                      jobs.run(
                          "step " + (step + 1) + ": rollouts",
                          new RolloutTask(
                              new ShardPipeline(context, policy, step, stage, writer, traffic)),
                          config.rollout().shards()));
          RolloutStatistics statistics =
              done.results().stream()
                  .map(RolloutShard::statistics)
                  .reduce(RolloutStatistics.NONE, RolloutStatistics::plus);
          long returned = done.results().stream().mapToLong(RolloutShard::bytes).sum();
          return new Step(
              done.results(), statistics, policy.version(), done.cost(policy, returned));
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
    PolicyBroadcast policy = versions.newest();
    int last = config.roundsPerStep();
    String description =
        "step " + (step + 1) + ": update " + (round + 1) + " of " + last + " on executors";
    return JobThread.await(
        jobs.submit(
            () -> {
              TabledRounds.Round<Summed<ShardGradient>> done =
                  rounds.run(
                      step,
                      stage,
                      round == 0,
                      round == last - 1,
                      writer ->
                          jobs.sum(
                              description,
                              new GradientTask(
                                  new ShardPipeline(context, policy, step, stage, writer, traffic),
                                  round,
                                  klWeight),
                              config.rollout().shards()));
              LossSums sums = LossSums.NONE;
              RolloutStatistics statistics = RolloutStatistics.NONE;
              int groups = 0;
              double seconds = 0;
              for (ShardGradient shard : done.results().rest()) {
                sums = sums.plus(shard.sums());
                statistics = statistics.plus(shard.statistics());
                groups += shard.groups();
                seconds += shard.seconds();
              }
              List<float[]> parts = done.results().parts();
              long returned = (long) Float.BYTES * parts.get(0).length;
              return new Gradients(
                  parts,
                  sums,
                  groups,
                  statistics,
                  policy.version(),
                  seconds,
                  done.cost(policy, returned));
            }));
  }

  /**
   * Draws continuations with the newest weights. They are computed once and cached on the
   * executors; rows of a lost executor are drawn again, as long as the weights are among the last
   * few versions.
   *
   * @param prompts each with its length + {@code tokens} − 1 at most the context
   * @param samples K, of each prompt
   * @param tokens H, of each
   * @param step from 0
   * @return the prompts' columns and {@link ContinuationColumns#ADDED}
   */
  public Dataset<Row> continuations(
      SparkSession session, Prompts prompts, int samples, int tokens, long step) {
    return PromptTask.run(
        session,
        spark,
        prompts,
        new PromptTask(context, versions.newest(), samples, tokens, step),
        // A prompt's continuations do not depend on its part; small parts balance the load.
        PARTS_PER_SLOT * slots());
  }

  /**
   * Log-probabilities of groups under the KL term's reference, {@link RolloutShard#reference}.
   *
   * @param shards one task each
   * @param step from 0
   */
  public List<float[]> reference(List<RolloutShard> shards, long step) {
    PolicyBroadcast policy = versions.newest();
    TaskValue<ArrayList<RolloutShard>> all = TaskValue.of(spark, new ArrayList<>(shards));
    try {
      return JobThread.await(
          jobs.submit(
              () ->
                  jobs.run(
                      "step " + (step + 1) + ": reference of the KL term",
                      new ReferenceTask(context, policy, all),
                      shards.size())));
    } finally {
      all.destroy();
    }
  }

  /**
   * Takes a snapshot of the newest weights, which does not affect training.
   *
   * @param step steps behind the weights
   * @param stage of the curriculum
   */
  public TimedSnapshot snapshot(long step, CurriculumStage stage) {
    PolicyBroadcast policy = versions.newest();
    String description = step == 0 ? "before step 1: snapshot" : "step " + step + ": snapshot";
    return JobThread.await(
        jobs.submit(
            () -> {
              long start = System.nanoTime();
              PolicySnapshot snapshot =
                  jobs.run(description, new PolicySnapshotTask(context, policy, step, stage), 1)
                      .get(0);
              return new TimedSnapshot(snapshot, (System.nanoTime() - start) / 1e9);
            }));
  }

  /** Scores the newest weights, after {@code step} steps, on an even selection of the split. */
  public Scores evaluate(long step) {
    return evaluations.run("step " + step + ": evaluation", EvaluationTask.Coverage.SPREAD);
  }

  /**
   * Scores the newest weights on the whole validation split, windows end to end.
   *
   * @param scored is told how many windows are done, on a thread of Spark's
   */
  public Scores evaluateConsecutive(LongConsumer scored) {
    return evaluations.run(
        "final evaluation: consecutive windows", EvaluationTask.Coverage.CONSECUTIVE, scored);
  }

  /**
   * Scores the newest weights on the whole validation split, at least half a context before every
   * position.
   *
   * @param scored is told how many windows are done, on a thread of Spark's
   */
  public Scores evaluateSliding(LongConsumer scored) {
    return evaluations.run(
        "final evaluation: sliding windows", EvaluationTask.Coverage.SLIDING, scored);
  }

  /** Blocks of a remote corpus that tasks fetched so far. */
  public long blocksFetched() {
    return traffic.fetched().value();
  }

  /** Blocks of a remote corpus that tasks found on local disk so far. */
  public long blocksFound() {
    return traffic.found().value();
  }

  /** What the newest weights' rollouts in the validation split are paid in a stage. */
  public HeldOutRewards heldOutRewards(CurriculumStage stage) {
    return evaluations.heldOutRewards(stage);
  }

  /** Task slots of the cluster as Spark sees it now. */
  public int slots() {
    return Math.max(1, spark.defaultParallelism());
  }

  /** After a failure on the driver: takes no more jobs and lets the one in flight end. */
  public void settle() {
    jobs.settle();
  }

  @Override
  public void close() {
    // A job that is still ending must not find its broadcasts gone.
    jobs.close();
    versions.close();
    InProcessTransfer.release(run);
    context.destroy();
    ExecutorState.OF_THIS_JVM.release(run);
    if (jobs.isTerminated()) {
      rounds.abort();
    }
  }
}
