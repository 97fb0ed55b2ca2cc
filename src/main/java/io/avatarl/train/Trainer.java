package io.avatarl.train;

import ai.djl.Device;
import io.avatarl.config.AdvantageConfig;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.Failure;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusProvider;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.files.Storage;
import io.avatarl.learner.Learner;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.Parameters;
import io.avatarl.reward.Rewards;
import io.avatarl.reward.RolloutScorer;
import io.avatarl.spark.ngram.NgramCounter;
import io.avatarl.spark.reward.SqlRewards;
import io.avatarl.spark.rollout.Devices;
import io.avatarl.spark.rollout.PolicyCluster;
import io.avatarl.spark.rollout.RewardSetup;
import io.avatarl.spark.table.NamedRows;
import io.avatarl.spark.table.RolloutTable;
import io.avatarl.spark.transport.JobThread;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * A training run, from its configuration to its summary: a {@link PreparedRun}, then a {@link
 * TrainingLoop} between the learner on the driver and the executors' {@link PolicyCluster}.
 */
public final class Trainer implements AutoCloseable {
  private final PreparedRun run;
  private final TrainingListener listener;
  private final Baselines baselines;
  private final CountDownLatch saved = new CountDownLatch(1);
  private volatile boolean stopRequested;

  /**
   * Prepares a run: checks the user's input before anything slow begins, and writes nothing but a
   * probe file.
   *
   * @param corpora finds the corpus that the configuration names
   * @param output the run's folder, any Hadoop path; must not hold a run, unless {@code resume}
   * @param resume whether to continue from the newest checkpoint in {@code output}
   * @param baselines for the summary
   * @throws io.avatarl.config.UserError if a run cannot begin or continue like this
   */
  public Trainer(
      Storage storage,
      TrainingConfig config,
      CorpusProvider corpora,
      String output,
      boolean resume,
      TrainingListener listener,
      Baselines baselines) {
    // Executors have other working directories.
    String place = storage.qualified(output);
    this.run = PreparedRun.of(storage, config, corpora, place, resume, listener);
    this.listener = listener;
    this.baselines = baselines;
  }

  /** Asks {@link #run} to write a checkpoint after the current step and return. */
  public void stop() {
    stopRequested = true;
  }

  /**
   * Waits until a running {@link #run} has written its last checkpoint or has failed.
   *
   * @return false if it has not within this time
   */
  public boolean awaitSaved(long seconds) throws InterruptedException {
    return saved.await(seconds, TimeUnit.SECONDS);
  }

  /**
   * Trains. The result is empty if the run was stopped before the last step, or if Spark's jobs
   * were cancelled (they belong to the caller's job group). Then there is a checkpoint of the last
   * complete step, from which {@code --resume} continues.
   */
  public Optional<Summary> run(SparkSession spark) {
    TrainingConfig config = run.config();
    Map<String, RolloutScorer> sql = SqlRewards.of(spark, config, run.corpus());
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    Parameters parameters = run.beginning().parameters();
    Optional<ScoredRows> stored = stored(spark);
    NgramCounts counts = NgramCounter.count(spark, run.corpus(), config.corpus());
    NgramCounter.leftOut(run.corpus(), config.corpus()).ifPresent(listener::warned);
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    Device device = Devices.ofDriver(context, config.device());
    Devices.shareWithLocalTasks(device);
    try (Learner learner =
            new Learner(config.learner(), config.model(), parameters, config.updates(), device);
        PolicyCluster cluster =
            PolicyCluster.forTraining(
                context,
                config,
                run.corpus(),
                rewardSetup(counts, sql),
                run.beginning().initial().orElse(new float[0]),
                run.output())) {
      run.resumed()
          .ifPresent(
              checkpoint -> {
                parameters.set(checkpoint.parameters());
                learner.resume(checkpoint.trainer().updates(), checkpoint.moments());
              });
      openFolder(spark);
      listener.started(
          config,
          facts(Devices.describe(context, config, device) + "; " + NativeEngine.describe()),
          run.state().step());
      stored.ifPresent(
          rows ->
              listener.noted(
                  StoredRolloutsStep.described(
                      "rollouts   " + config.rollout().stored(), rows, parameters.sha256())));
      RunState state = new RunState(config, run.state(), learner, listener);
      TrainingLoop loop =
          new TrainingLoop(run, learner, cluster, stored, state, listener, () -> stopRequested);
      try {
        if (!loop.run()) {
          return Optional.empty();
        }
        saved.countDown();
        return Optional.of(summarise(spark, counts, cluster, state));
      } catch (Throwable e) { // Spark also throws checked exceptions, and memory may run out.
        boolean ended = spark.sparkContext().isStopped();
        if (!JobThread.cancelled(e) && !ended) {
          cluster.settle();
          saveAfter(e, loop);
          throw e;
        }
        loop.saveLastWhole();
        if (ended) {
          throw e;
        }
        Optional<Failure> failure = JobThread.failure(e);
        if (failure.isPresent()) {
          throw failure.get();
        }
        return Optional.empty();
      }
    } finally {
      saved.countDown();
      close();
    }
  }

  /** A failure of a task or on the driver takes no complete step with it. */
  private static void saveAfter(Throwable failure, TrainingLoop loop) {
    try {
      loop.saveLastWhole();
    } catch (RuntimeException | Error e) { // Of the same cause, as where the run's disk is full.
      failure.addSuppressed(e);
    }
  }

  /** Releases the folder for other processes, even if {@link #run} was never called. */
  @Override
  public void close() {
    run.claim().close();
  }

  /** The rollouts that {@code rollout.stored} names, of any version. */
  private Optional<ScoredRows> stored(SparkSession spark) {
    TrainingConfig config = run.config();
    String name = config.rollout().stored();
    if (name.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        ScoredRows.read(
            NamedRows.read(spark, run.storage(), "--rollouts", name),
            new ScoredRows.Limits(
                "--rollouts " + name,
                Long.MAX_VALUE,
                0,
                run.corpus().tokenizer().vocabularySize(),
                config.model().context(),
                config.advantage().estimator() != AdvantageConfig.Estimator.MAXRL)));
  }

  /** Deletes what the folder holds of steps after the one to continue from. */
  private void openFolder(SparkSession spark) {
    Storage storage = run.storage();
    String output = run.output();
    if (run.resume()) {
      long step = run.state().step();
      Checkpoint.dropAfter(storage, output, step);
      RunFiles.dropMetricsAfter(storage, output, step);
      RolloutTable.dropAfter(spark, storage, output, step);
    }
    storage.writeString(
        Storage.resolve(output, RunFiles.CONFIG), ConfigReader.render(run.config()));
  }

  /** Builds the reward components that any stage uses. */
  private RewardSetup rewardSetup(NgramCounts counts, Map<String, RolloutScorer> sql) {
    Rewards rewards =
        new Rewards(
            new Rewards.Sources(run.config().reward(), run.corpus(), counts, run.referee(), sql),
            Curriculum.rewards(run.config()));
    return new RewardSetup(counts, rewards, run.referee());
  }

  private TrainingListener.Facts facts(String devices) {
    Corpus corpus = run.corpus();
    return new TrainingListener.Facts(
        corpus.name(),
        corpus.train().length(),
        corpus.validationTokens(),
        corpus.tokenizer().vocabularySize(),
        run.beginning().layout().count(),
        devices,
        run.output());
  }

  private Summary summarise(
      SparkSession spark, NgramCounts counts, PolicyCluster cluster, RunState state) {
    double seconds = state.trainSeconds();
    if (cluster.blocksFetched() > 0) {
      listener.corpusRead(cluster.blocksFetched(), cluster.blocksFound());
    }
    listener.entered("final evaluation on the whole validation split");
    FinalEvaluation scores;
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.EVALUATE)) {
      scores = FinalEvaluation.of(cluster, run.config(), run.corpus(), listener::evaluating);
    }
    if (state.step() < run.config().steps()) {
      // Rollouts of a step that is not made were in flight; evaluations queue behind them.
      RolloutTable.dropAfter(spark, run.storage(), run.output(), state.step());
    }
    Summary summary =
        state.summary(
            run.beginning(),
            scores,
            seconds,
            baselines.of(run.corpus(), counts),
            spark.version(),
            state.step());
    run.storage().writeString(Storage.resolve(run.output(), RunFiles.SUMMARY), summary.toJson());
    return summary;
  }
}
