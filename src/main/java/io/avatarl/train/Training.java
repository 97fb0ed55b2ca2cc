package io.avatarl.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.RandomStream;
import io.avatarl.evaluation.Scores;
import io.avatarl.files.Storage;
import io.avatarl.learner.Learner;
import io.avatarl.learner.Minibatch;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.PolicyCluster;
import io.avatarl.spark.RolloutTable;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * The training loop. Each step: rollouts on the executors with the newest weights (or, one step
 * ahead, with those before), M minibatch updates on the driver, one broadcast. No part of it
 * computes a cross-entropy loss; cross-entropy is only measured, on the validation split.
 */
public final class Training {
  private final SparkSession spark;
  private final TrainingConfig config;
  private final Storage storage;
  private final CorpusSource.Found source;
  private final Corpus corpus;
  private final String output;
  private final boolean resume;
  private final TrainingListener listener;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean stopRequested;

  private final StageClock clock = new StageClock();
  private RolloutStatistics totals = RolloutStatistics.NONE;
  private double earlierSeconds;
  private long began;

  /**
   * Prepares a run; nothing is written yet.
   *
   * @param output the run's folder, any Hadoop path; must not hold a run, unless {@code resume}
   * @param resume go on from the newest checkpoint in {@code output}
   */
  public Training(
      SparkSession spark,
      TrainingConfig config,
      CorpusSource.Found source,
      String output,
      boolean resume,
      TrainingListener listener) {
    this.spark = spark;
    this.config = config;
    this.storage = new Storage(spark.sparkContext().hadoopConfiguration());
    this.source = source;
    this.corpus = Corpus.of(source.name(), source.bytes(), config.corpus().validationFraction());
    this.output = output;
    this.resume = resume;
    this.listener = listener;
    corpus.requireWindows(config.model().context());
    requireFreshOrSame();
  }

  private void requireFreshOrSame() {
    String file = Storage.resolve(output, RunFiles.CONFIG);
    boolean holdsRun = storage.exists(file);
    if (holdsRun && !resume) {
      throw new UserError(
          output
              + " already holds a run; go on with it by --resume, or name another folder with --out");
    }
    if (resume && !holdsRun) {
      throw new UserError(output + ": there is no run to resume; leave out --resume to start one");
    }
    if (holdsRun) {
      TrainingConfig before = ConfigReader.read("", storage.readString(file), List.of());
      List<String> changed =
          ConfigReader.differences(before, config).stream()
              .filter(key -> !RunFiles.mayChangeOnResume(key))
              .toList();
      if (!changed.isEmpty()) {
        throw new UserError(
            output
                + ": the run was started with other settings ("
                + String.join("; ", changed)
                + "); resume it with the same, or start another with --out");
      }
    }
    storage.requireWritableDirectory(output);
  }

  /**
   * Asks a running {@link #run} to write a checkpoint after the current step and return; waits for
   * it.
   */
  public void stop() throws InterruptedException {
    stopRequested = true;
    ended.await();
  }

  /** Trains. Empty if it was stopped before the last step; then {@code --resume} goes on. */
  public Optional<Summary> run() {
    NativeEngine.load(config.nativeThreads());
    ParameterLayout layout =
        ParameterLayout.of(config.model(), corpus.tokenizer().vocabularySize());
    Parameters parameters =
        Parameters.random(
            layout,
            config.model().initStd(),
            RandomStream.seed(config.seed(), 0, 0, RandomStream.Purpose.INITIALIZATION));
    try (Learner learner =
            new Learner(config.learner(), config.model(), parameters, config.updates());
        PolicyCluster cluster =
            new PolicyCluster(
                JavaSparkContext.fromSparkContext(spark.sparkContext()),
                config,
                corpus,
                new Rewards(config.reward(), corpus),
                output)) {
      long step = 0;
      float[] behaviour = new float[0];
      if (resume) {
        Checkpoint checkpoint = Checkpoint.find(storage, output, OptionalLong.empty());
        Checkpoint.State state = checkpoint.state(storage, layout);
        parameters.set(state.parameters());
        learner.resume(state.trainer().updates(), state.moments());
        behaviour = state.behaviour();
        step = state.trainer().step();
        earlierSeconds = state.trainer().trainSeconds();
        totals = RunFiles.totals(state.trainer());
        RunFiles.dropMetricsAfter(storage, output, step);
        RolloutTable.dropAfter(storage, output, step);
        cluster.continueAt(behaviour.length > 0 ? step - 1 : step);
      } else {
        storage.writeString(Storage.resolve(output, RunFiles.CONFIG), ConfigReader.render(config));
      }
      listener.started(config, facts(layout), step);
      boolean finished = loop(learner, cluster, step, behaviour);
      return finished ? Optional.of(summarise(learner, cluster)) : Optional.empty();
    } finally {
      ended.countDown();
    }
  }

  private TrainingListener.Facts facts(ParameterLayout layout) {
    return new TrainingListener.Facts(
        corpus.name(),
        corpus.train().length,
        corpus.validation().length,
        corpus.tokenizer().vocabularySize(),
        layout.count(),
        output);
  }

  /** Steps until the last one or a stop; true if the last one is done. */
  private boolean loop(Learner learner, PolicyCluster cluster, long firstStep, float[] resumed) {
    Metrics metrics = new Metrics(storage, output, firstStep + 1);
    boolean ahead = config.rollout().ahead() == 1;
    began = System.nanoTime();
    long step = firstStep;
    if (step >= config.steps()) {
      publish(learner, cluster);
      return true;
    }
    Future<PolicyCluster.Step> next;
    float[] current = learner.parameters().toArray();
    if (resumed.length > 0) {
      // The uninterrupted run had started these rollouts one step ahead, with the weights before
      // the checkpoint's.
      cluster.publish(resumed);
      next = cluster.rollouts(step);
      publish(learner, cluster);
    } else {
      publish(learner, cluster);
      if (step == 0 && config.rollouts().every() > 0) {
        probe(cluster, step);
      }
      next = cluster.rollouts(step);
    }
    while (true) {
      PolicyCluster.Step rollouts = PolicyCluster.await(next);
      clock.rollouts(rollouts, Math.min(cluster.slots(), config.rollout().shards()));
      boolean last = step + 1 >= config.steps();
      float[] behaviour = current;
      if (ahead && !last) {
        next = cluster.rollouts(step + 1);
      }
      UpdateMetrics update = learn(learner, rollouts, step, metrics);
      current = learner.parameters().toArray();
      publish(learner, cluster);
      if (!ahead && !last) {
        next = cluster.rollouts(step + 1);
      }
      step++;
      totals = totals.plus(rollouts.statistics());
      listener.stepped(step, rollouts.statistics(), update);
      boolean stopping = stopRequested && !last;
      if (!last && due(config.evaluation().every(), step)) {
        evaluate(cluster, step, learner.updates(), metrics);
      }
      if (config.rollouts().due(step, config.steps()) && step > 1) {
        probe(cluster, step);
      }
      if (last || stopping || due(config.checkpoint().every(), step)) {
        metrics.flush(step);
        checkpoint(learner, ahead && !last ? behaviour : new float[0], step);
      } else if (due(config.evaluation().every(), step)) {
        metrics.flush(step);
      }
      if (last || stopping) {
        return last;
      }
    }
  }

  private static boolean due(int every, long step) {
    return every > 0 && step % every == 0;
  }

  private void publish(Learner learner, PolicyCluster cluster) {
    try (StageClock.Running ignored = clock.start(StageClock.Stage.BROADCAST)) {
      cluster.publish(learner.parameters().toArray());
    }
  }

  private UpdateMetrics learn(
      Learner learner, PolicyCluster.Step rollouts, long step, Metrics metrics) {
    try (StageClock.Running ignored = clock.start(StageClock.Stage.LEARN)) {
      UpdateMetrics last = null;
      RolloutStatistics s = rollouts.statistics();
      for (Minibatch minibatch :
          Minibatch.of(rollouts.shards(), config.learner().updatesPerStep())) {
        last = learner.update(minibatch);
        ObjectNode record = Metrics.record("update", step + 1);
        record.put("update", last.update());
        record.put("loss", last.loss());
        record.put("reward", s.meanReward());
        record.put("entropy", s.meanEntropy());
        record.put("accuracy", s.meanAccuracy());
        record.put("degenerate", (double) s.degenerate() / s.groups());
        record.put("gradient_norm", last.gradientNorm());
        record.put("clip_fraction", last.clipFraction());
        record.put("kl", last.kl());
        record.put("learning_rate", last.learningRate());
        record.put("policy_version", rollouts.version());
        record.put("seconds", last.seconds());
        metrics.add(record);
      }
      return last;
    }
  }

  private void probe(PolicyCluster cluster, long step) {
    PolicyCluster.Probed probed = cluster.probe(step);
    clock.add(StageClock.Stage.TABLE, probed.seconds());
    try (StageClock.Running ignored = clock.start(StageClock.Stage.TABLE)) {
      Contexts.add(storage, output, probed.probe());
    }
  }

  private void evaluate(PolicyCluster cluster, long step, long updates, Metrics metrics) {
    try (StageClock.Running ignored = clock.start(StageClock.Stage.EVALUATE)) {
      Scores scores = cluster.evaluate(step);
      ObjectNode record = Metrics.record("evaluation", step);
      record.put("update", updates);
      record.put("val_ce", scores.crossEntropy());
      record.put("val_accuracy", scores.accuracy());
      record.put("val_calibration_error", scores.calibrationError());
      record.put("positions", scores.positions());
      metrics.add(record);
      listener.evaluated(step, scores);
    }
  }

  private void checkpoint(Learner learner, float[] behaviour, long step) {
    try (StageClock.Running ignored = clock.start(StageClock.Stage.CHECKPOINT)) {
      Checkpoint.write(
          storage,
          output,
          config.model(),
          corpus.tokenizer(),
          learner,
          behaviour,
          new Checkpoint.Trainer(
              step, learner.updates(), totals.groups(), totals.rollouts(), trainSeconds()));
      List<Checkpoint> all = Checkpoint.list(storage, output);
      for (Checkpoint old : all.subList(0, Math.max(0, all.size() - config.checkpoint().keep()))) {
        storage.delete(old.path());
      }
    }
  }

  private double trainSeconds() {
    return earlierSeconds + (System.nanoTime() - began) / 1e9;
  }

  private Summary summarise(Learner learner, PolicyCluster cluster) {
    double seconds = trainSeconds();
    listener.entered("final evaluation on the whole validation split");
    FinalEvaluation scores;
    try (StageClock.Running ignored = clock.start(StageClock.Stage.EVALUATE)) {
      scores = FinalEvaluation.of(cluster);
    }
    Scores consecutive = scores.consecutive();
    Summary summary =
        new Summary(
            consecutive.crossEntropy(),
            scores.sliding().crossEntropy(),
            consecutive.perplexity(),
            consecutive.accuracy(),
            consecutive.calibrationError(),
            Baselines.of(corpus),
            source.generated() ? "generated" : corpus.name(),
            corpus.sha256(),
            learner.parameters().layout().count(),
            config.steps(),
            learner.updates(),
            totals.groups(),
            totals.rollouts(),
            seconds,
            totals.groups() / seconds,
            clock.seconds(),
            learner.parameters().sha256(),
            spark.version(),
            config.preset(),
            config.seed());
    storage.writeString(Storage.resolve(output, RunFiles.SUMMARY), summary.toJson());
    return summary;
  }
}
