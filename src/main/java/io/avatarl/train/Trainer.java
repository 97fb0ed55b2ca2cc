package io.avatarl.train;

import ai.djl.Device;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.config.LearnerConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.evaluation.Scores;
import io.avatarl.files.Storage;
import io.avatarl.learner.Learner;
import io.avatarl.learner.Minibatch;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.DamagedCheckpoint;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.FrozenPolicy;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.ngram.NgramCounter;
import io.avatarl.spark.rollout.Devices;
import io.avatarl.spark.rollout.PolicyCluster;
import io.avatarl.spark.rollout.RewardSetup;
import io.avatarl.spark.table.RolloutTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * The training loop. Each step: rollouts on the executors with the newest weights (or, one step
 * ahead, with those before), M minibatch updates on the driver, one broadcast; or, where executors
 * learn, M rounds of rollouts and gradients on the executors, an update and a broadcast after each.
 * No part of it computes a cross-entropy loss; cross-entropy is only measured, on the validation
 * split.
 */
public final class Trainer {
  private final TrainingConfig config;
  private final Storage storage;
  private final CorpusSource.Found source;
  private final Corpus corpus;
  private final ParameterLayout layout;
  private final Optional<FrozenPolicy> referee;
  private final String output;
  private final boolean resume;
  private final Optional<Checkpoint.State> resumed;
  private final TrainingListener listener;
  private final CountDownLatch saved = new CountDownLatch(1);
  private volatile boolean stopRequested;

  private final Baselines baselines;
  private final PhaseTimer clock;
  private final TransferredBytes traffic = new TransferredBytes();
  private HealthMonitor monitor = new HealthMonitor(HealthMonitor.State.START);
  private Checkpoint.Evaluation evaluation;
  private Curriculum curriculum;
  private NgramCounts counts;
  private RolloutStatistics totals = RolloutStatistics.NONE;
  private double earlierSeconds;
  private double entropy;
  private double reward;
  private long began;
  private MetricsLog metrics;
  private Position between;
  private long savedStep;

  /**
   * Where a checkpoint can be written.
   *
   * @param behaviour weights of the rollouts in flight, where they are made one step ahead
   */
  private record Position(long step, float[] behaviour) {}

  /**
   * Prepares a run: refuses what is wrong with the user's input before anything slow begins, and
   * writes nothing but a probe file.
   *
   * @param corpora finds the corpus that the configuration names
   * @param output the run's folder, any Hadoop path; must not hold a run, unless {@code resume}
   * @param resume go on from the newest checkpoint in {@code output}
   * @param baselines of the summary
   */
  public Trainer(
      Storage storage,
      TrainingConfig config,
      CorpusSource corpora,
      String output,
      boolean resume,
      TrainingListener listener,
      Baselines baselines) {
    this.baselines = baselines;
    this.storage = storage;
    this.output = output;
    this.listener = listener;
    this.clock = new PhaseTimer(listener::stage);
    this.resume = resume;
    TrainingConfig asked = resume ? requireSame(config) : requireFresh(config);
    // The loader that holds what --packages brought, and where Spark looks, too.
    RolloutTable.check(
        asked.rolloutTable(), storage, output, Thread.currentThread().getContextClassLoader());
    Rewards.check(rewardStages(new Curriculum(asked, Curriculum.Position.START)));
    boolean existed = storage.exists(output);
    // Before the corpus, which may have to be downloaded.
    storage.requireWritableDirectory(output);
    try {
      this.source =
          corpora.find(
              Optional.of(asked.corpus().path()).filter(path -> !path.isEmpty()),
              Optional.of(asked.corpus().sha256()).filter(sum -> !sum.isEmpty()));
      source.warnings().forEach(listener::warned);
      this.corpus = Corpus.of(source.name(), source.bytes(), asked.corpus());
      corpus.requireWindows(asked.model().context());
      requirePrompt(asked);
      this.layout = ParameterLayout.of(asked.model(), corpus.tokenizer().vocabularySize());
      this.referee = referee(asked);
      this.resumed = resume ? newest(asked) : Optional.empty();
    } catch (RuntimeException e) {
      if (!existed) {
        storage.delete(output);
      }
      throw e;
    }
    // The run's own copy of the configuration says where the text is and which one it is, so that
    // training from it repeats the run.
    this.config = asked.with(asked.corpus().at(source.path(), corpus.sha256()));
  }

  /** Before the first step, not after the last one, when the samples are written. */
  private void requirePrompt(TrainingConfig asked) {
    if (asked.sample().count() > 0 || asked.rolloutTable().every() > 0) {
      try {
        corpus.tokenizer().encode(asked.sample().prompt());
      } catch (UserError e) {
        throw new UserError("sample.prompt: " + e.getMessage(), e);
      }
    }
  }

  private TrainingConfig requireFresh(TrainingConfig asked) {
    if (storage.exists(Storage.resolve(output, RunFiles.CONFIG))) {
      throw new UserError(
          output
              + ": already holds a run; go on with it by --resume, or name another folder with --out");
    }
    return asked;
  }

  /** The configuration of a run that goes on, with the corpus it was started with. */
  private TrainingConfig requireSame(TrainingConfig asked) {
    if (!storage.exists(Storage.resolve(output, RunFiles.CONFIG))) {
      throw new UserError(output + ": holds no run to resume; leave out --resume to start one");
    }
    TrainingConfig before = Runs.config(storage, output);
    TrainingConfig same =
        asked.corpus().sha256().isEmpty()
            ? asked.with(asked.corpus().at(asked.corpus().path(), before.corpus().sha256()))
            : asked;
    RunFiles.requireSame(output, ConfigReader.flat(before), ConfigReader.flat(same));
    return same;
  }

  /** The newest checkpoint that can be read; those that cannot are passed over with a warning. */
  private Optional<Checkpoint.State> newest(TrainingConfig asked) {
    List<DamagedCheckpoint> damaged = new ArrayList<>();
    List<CheckpointFolder> all = CheckpointFolder.list(storage, output);
    for (int i = all.size() - 1; i >= 0; i--) {
      Checkpoint.State state;
      try {
        state = Checkpoint.read(storage, all.get(i), layout);
      } catch (DamagedCheckpoint e) {
        damaged.add(e);
        continue;
      }
      // What the checkpoint's own run had, whatever happened to config.conf since.
      RunFiles.requireSame(output, state.trainer().settings(), ConfigReader.flat(asked));
      damaged.forEach(e -> listener.warned(e.getMessage()));
      if (!damaged.isEmpty()) {
        listener.warned("going on from step " + state.trainer().step() + " instead");
      }
      RunFiles.stepsChanged(output, state.trainer(), asked).ifPresent(listener::warned);
      return Optional.of(state);
    }
    if (!damaged.isEmpty()) {
      throw new UserError(
          output
              + ": none of its checkpoints can be read; restore one, or start another run with --out. The newest is "
              + damaged.get(0).getMessage(),
          damaged.get(0));
    }
    listener.warned(output + ": holds no checkpoint yet; starting from the first step");
    return Optional.empty();
  }

  /** Asks {@link #run} to write a checkpoint after the current step and to return. */
  public void stop() {
    stopRequested = true;
  }

  /** Waits until a running {@link #run} has written its last checkpoint or has failed. */
  public void awaitSaved() throws InterruptedException {
    saved.await();
  }

  /**
   * Trains. Empty if it was stopped before the last step, or if Spark's jobs were cancelled (their
   * group is the caller's). Then there is a checkpoint of the last whole step, and {@code --resume}
   * goes on.
   */
  public Optional<Summary> run(SparkSession spark) {
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    Parameters parameters = Parameters.initial(config, layout);
    counts = NgramCounter.count(spark, source, corpus, config.corpus());
    curriculum =
        new Curriculum(
            config,
            resumed.map(state -> state.trainer().curriculum()).orElse(Curriculum.Position.START));
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    Device device = Devices.ofDriver(context, config.device());
    try (Learner learner =
            new Learner(config.learner(), config.model(), parameters, config.updates(), device);
        PolicyCluster cluster = new PolicyCluster(context, config, corpus, rewardPlan(), output)) {
      long step = 0;
      float[] behaviour = new float[0];
      if (resumed.isPresent()) {
        Checkpoint.State state = resumed.get();
        parameters.set(state.parameters());
        learner.resume(state.trainer().updates(), state.moments());
        learner.klWeight().resume(state.trainer().klWeight());
        behaviour = state.behaviour();
        step = state.trainer().step();
        earlierSeconds = state.trainer().trainSeconds();
        clock.resume(state.trainer().stageSeconds());
        traffic.resume(state.trainer().moved());
        totals = RunFiles.totals(state.trainer());
        entropy = state.trainer().entropy();
        reward = state.trainer().reward();
        monitor = new HealthMonitor(state.trainer().monitor());
        evaluation = state.trainer().evaluation();
      }
      if (resume) {
        Checkpoint.dropAfter(storage, output, step);
        RunFiles.dropMetricsAfter(storage, output, step);
        RolloutTable.dropAfter(spark, storage, output, step);
      }
      storage.writeString(Storage.resolve(output, RunFiles.CONFIG), ConfigReader.render(config));
      listener.started(config, facts(Devices.describe(context, config, device)), step);
      try {
        if (!loop(learner, cluster, step, behaviour)) {
          return Optional.empty();
        }
        saved.countDown();
        return Optional.of(summarise(spark, learner, cluster));
      } catch (Throwable e) { // Spark throws checked ones, too, and memory may run out.
        if (!PolicyCluster.cancelled(e)) {
          cluster.settle();
          throw e;
        }
        saveLastWhole(learner);
        return Optional.empty();
      }
    } finally {
      saved.countDown();
    }
  }

  private TrainingListener.Facts facts(String devices) {
    return new TrainingListener.Facts(
        corpus.name(),
        corpus.train().length,
        corpus.validation().length,
        corpus.tokenizer().vocabularySize(),
        layout.count(),
        devices,
        output);
  }

  /** Steps until the last one or a stop; true if the last one is done. */
  private boolean loop(Learner learner, PolicyCluster cluster, long firstStep, float[] behaviour) {
    metrics = new MetricsLog(storage, output, firstStep + 1, listener);
    savedStep = firstStep;
    boolean onExecutors = config.learner().placement() == LearnerConfig.Placement.EXECUTORS;
    boolean ahead = config.rollout().ahead() == 1;
    int rounds = config.roundsPerStep();
    began = System.nanoTime();
    long step = firstStep;
    if (step >= config.steps()) {
      publish(learner, cluster, step * rounds);
      if (resumed.isEmpty()) {
        checkpoint(learner, new float[0], step);
      }
      return true;
    }
    Future<PolicyCluster.Step> next = null;
    float[] current = learner.parameters().toArray();
    if (behaviour.length > 0) {
      // The uninterrupted run had started these rollouts one step ahead, with the weights before
      // the checkpoint's.
      cluster.publish(step - 1, behaviour);
      next = cluster.rollouts(step, curriculum.index());
      publish(learner, cluster, step);
    } else {
      publish(learner, cluster, step * rounds);
      if (step == 0 && config.rolloutTable().every() > 0) {
        probe(cluster, step);
      }
      if (!onExecutors) {
        next = cluster.rollouts(step, curriculum.index());
      }
    }
    while (true) {
      boolean last = step + 1 >= config.steps();
      RolloutStatistics statistics;
      UpdateMetrics update;
      if (onExecutors) {
        List<UpdateMetrics> updates = new ArrayList<>();
        statistics = learnOnExecutors(learner, cluster, step, metrics, updates);
        update = updates.get(updates.size() - 1);
        promote(statistics, step + 1);
      } else {
        PolicyCluster.Step rollouts = PolicyCluster.await(next);
        between = null;
        statistics = rollouts.statistics();
        clock.rollouts(rollouts, slots(cluster));
        traffic.add(rollouts.job());
        behaviour = current;
        // The next rollouts may be another stage's; what is learned from now was paid by this
        // one's.
        Curriculum.Stage stage = curriculum.stage();
        promote(statistics, step + 1);
        if (ahead && !last) {
          next = cluster.rollouts(step + 1, curriculum.index());
        }
        update = learn(learner, rollouts, stage, step, metrics);
        current = learner.parameters().toArray();
        publish(learner, cluster, step + 1);
        if (!ahead && !last) {
          next = cluster.rollouts(step + 1, curriculum.index());
        }
      }
      step++;
      long bytes = traffic.stepped();
      totals = totals.plus(statistics);
      entropy = statistics.meanEntropy();
      reward = statistics.meanReward();
      between = new Position(step, ahead ? behaviour : new float[0]);
      if (rounds > 1) {
        learner.mark();
      }
      listener.stepped(step, statistics, update);
      boolean stopping = stopRequested && !last;
      if (last ? config.evaluation().every() > 0 : due(config.evaluation().every(), step)) {
        evaluate(cluster, step, learner.updates(), metrics);
      }
      if (config.rolloutTable().due(step, config.steps()) && step > 1) {
        probe(cluster, step);
      }
      if (last || stopping || due(config.checkpoint().every(), step)) {
        metrics.flush(step);
        checkpoint(learner, between.behaviour, step);
      } else if (due(config.evaluation().every(), step)) {
        metrics.flush(step);
      }
      listener.clocked(step, clock.seconds(), bytes);
      if (last || stopping) {
        return last;
      }
    }
  }

  /** A checkpoint of the last whole step; the rounds of the next one are taken back. */
  private void saveLastWhole(Learner learner) {
    if (between != null && between.step > savedStep) {
      if (config.roundsPerStep() > 1) {
        learner.rewind();
      }
      metrics.flush(between.step);
      checkpoint(learner, between.behaviour, between.step);
    }
  }

  private static boolean due(int every, long step) {
    return every > 0 && step % every == 0;
  }

  /** Tasks of a round that run at once. */
  private int slots(PolicyCluster cluster) {
    return Math.min(cluster.slots(), config.rollout().shards());
  }

  private void publish(Learner learner, PolicyCluster cluster, long version) {
    try (PhaseTimer.Running ignored = clock.start(PhaseTimer.Phase.BROADCAST)) {
      cluster.publish(version, learner.parameters().toArray());
    }
  }

  private void promote(RolloutStatistics statistics, long step) {
    if (curriculum.stepped(statistics.perplexity())) {
      listener.promoted(step, curriculum.stage().name());
    }
  }

  /** The updates of a step; returns the last one's metrics. */
  private UpdateMetrics learn(
      Learner learner,
      PolicyCluster.Step rollouts,
      Curriculum.Stage stage,
      long step,
      MetricsLog metrics) {
    try (PhaseTimer.Running ignored = clock.start(PhaseTimer.Phase.LEARN)) {
      learner.klWeight().stage(stage.klWeight());
      List<UpdateMetrics> updates = new ArrayList<>();
      for (Minibatch minibatch :
          Minibatch.of(rollouts.shards(), config.learner().updatesPerStep())) {
        UpdateMetrics update = learner.update(minibatch);
        updates.add(update);
        metrics.add(
            record(update, rollouts.statistics(), stage, step, rollouts.version(), rollouts.job()));
      }
      learned(learner, rollouts.statistics(), updates, step, metrics);
      return updates.get(updates.size() - 1);
    }
  }

  /**
   * The updates of a step, each a round on the executors with the weights of the one before.
   *
   * @param updates gets the metrics of each
   * @return of all rounds
   */
  private RolloutStatistics learnOnExecutors(
      Learner learner,
      PolicyCluster cluster,
      long step,
      MetricsLog metrics,
      List<UpdateMetrics> updates) {
    Curriculum.Stage stage = curriculum.stage();
    learner.klWeight().stage(stage.klWeight());
    RolloutStatistics statistics = RolloutStatistics.NONE;
    // Recorded when the step is whole: what is cancelled before is taken back.
    List<ObjectNode> records = new ArrayList<>();
    for (int round = 0; round < config.roundsPerStep(); round++) {
      PolicyCluster.Gradients gradients =
          cluster.gradients(step, round, curriculum.index(), learner.nextKlWeight());
      clock.gradients(gradients, slots(cluster));
      traffic.add(gradients.job());
      statistics = statistics.plus(gradients.statistics());
      try (PhaseTimer.Running ignored = clock.start(PhaseTimer.Phase.LEARN)) {
        UpdateMetrics update =
            learner.update(gradients.parts(), gradients.sums(), gradients.groups());
        updates.add(update);
        records.add(
            record(
                update, gradients.statistics(), stage, step, gradients.version(), gradients.job()));
      }
      publish(learner, cluster, gradients.version() + 1);
    }
    records.forEach(metrics::add);
    learned(learner, statistics, updates, step, metrics);
    return statistics;
  }

  /** Ends a step's updates. */
  private void learned(
      Learner learner,
      RolloutStatistics statistics,
      List<UpdateMetrics> updates,
      long step,
      MetricsLog metrics) {
    learner
        .klWeight()
        .observe(updates.stream().mapToDouble(UpdateMetrics::referenceKl).average().orElse(0));
    for (String warning : monitor.stepped(statistics, updates)) {
      metrics.add(MetricsLog.record("warning", step + 1).put("warning", warning));
      listener.warned("step " + (step + 1) + ": " + warning);
    }
  }

  /**
   * An update for the metrics.
   *
   * @param s of the round that its groups are from
   * @param job of that round
   */
  private static ObjectNode record(
      UpdateMetrics update,
      RolloutStatistics s,
      Curriculum.Stage stage,
      long step,
      long version,
      PolicyCluster.JobCost job) {
    ObjectNode record = MetricsLog.record("update", step + 1);
    record.put("update", update.update());
    record.put("stage", stage.name());
    record.put("loss", update.loss());
    record.put("reward", s.meanReward());
    record.put("entropy", s.meanEntropy());
    record.put("accuracy", s.meanAccuracy());
    record.put("confidence", s.meanConfidence());
    record.put("perplexity", s.perplexity());
    record.put("degenerate", s.degenerateShare());
    record.put("gradient_norm", update.gradientNorm());
    record.put("clip_fraction", update.clipFraction());
    record.put("kl", update.kl());
    record.put("reference_kl", update.referenceKl());
    record.put("kl_weight", update.klWeight());
    record.put("learning_rate", update.learningRate());
    record.put("policy_version", version);
    record.put("broadcast_bytes", job.broadcastBytes());
    record.put("returned_bytes", job.returnedBytes());
    record.put("seconds", update.seconds());
    return record;
  }

  /** Counts n-grams and builds the reward components that some stage pays. */
  private RewardSetup rewardPlan() {
    List<Map<String, Double>> stages = rewardStages(curriculum);
    Rewards rewards =
        new Rewards(new Rewards.Sources(config.reward(), corpus, counts, referee), stages);
    return new RewardSetup(counts, rewards, new ArrayList<>(stages), referee.orElse(null));
  }

  private static List<Map<String, Double>> rewardStages(Curriculum curriculum) {
    return curriculum.stages().stream().map(Curriculum.Stage::rewards).toList();
  }

  private Optional<FrozenPolicy> referee(TrainingConfig asked) {
    String run = asked.reward().referee().run();
    if (run.isEmpty()) {
      return Optional.empty();
    }
    GptConfig model = Runs.config(storage, run).model();
    CheckpointFolder checkpoint = CheckpointFolder.find(storage, run, CheckpointFolder.NEWEST);
    if (!checkpoint.tokenizer(storage).toJson().equals(corpus.tokenizer().toJson())) {
      throw new UserError(
          "reward.referee.run: "
              + run
              + " has another vocabulary; name a run over the same corpus");
    }
    if (model.context() < asked.model().context()) {
      throw new UserError(
          "reward.referee.run: "
              + run
              + " has context "
              + model.context()
              + ", model.context is "
              + asked.model().context()
              + "; shorten it or name another run");
    }
    int vocabulary = corpus.tokenizer().vocabularySize();
    Parameters weights = checkpoint.parameters(storage, ParameterLayout.of(model, vocabulary));
    return Optional.of(new FrozenPolicy(model, vocabulary, weights.toArray()));
  }

  private void probe(PolicyCluster cluster, long step) {
    PolicyCluster.TimedSnapshot probed = cluster.probe(step, curriculum.index());
    clock.add(PhaseTimer.Phase.TABLE, probed.seconds());
    try (PhaseTimer.Running ignored = clock.start(PhaseTimer.Phase.TABLE)) {
      PolicySnapshots.add(storage, output, probed.probe());
    }
  }

  private void evaluate(PolicyCluster cluster, long step, long updates, MetricsLog metrics) {
    try (PhaseTimer.Running ignored = clock.start(PhaseTimer.Phase.EVALUATE)) {
      Scores scores = cluster.evaluate(step);
      ObjectNode record = MetricsLog.record("evaluation", step);
      record.put("update", updates);
      record.put("val_ce", scores.crossEntropy());
      record.put("val_bits_per_character", scores.bitsPerCharacter());
      record.put("val_accuracy", scores.accuracy());
      record.put("val_calibration_error", scores.calibrationError());
      record.put("positions", scores.positions());
      metrics.add(record);
      evaluation = new Checkpoint.Evaluation(step, scores.crossEntropy());
      listener.evaluated(step, scores);
    }
  }

  private void checkpoint(Learner learner, float[] behaviour, long step) {
    try (PhaseTimer.Running ignored = clock.start(PhaseTimer.Phase.CHECKPOINT)) {
      Checkpoint.write(
          storage,
          output,
          config.model(),
          corpus.tokenizer(),
          learner,
          behaviour,
          new Checkpoint.TrainerState(
              step,
              learner.updates(),
              totals.groups(),
              totals.rollouts(),
              entropy,
              reward,
              trainSeconds(),
              clock.seconds(),
              traffic.moved(),
              learner.klWeight().controlled(),
              curriculum.position(),
              monitor.state(),
              evaluation,
              ConfigReader.flat(config)));
      savedStep = step;
      Checkpoint.prune(storage, output, config.checkpoint().keep());
    }
  }

  private double trainSeconds() {
    return earlierSeconds + (System.nanoTime() - began) / 1e9;
  }

  private Summary summarise(SparkSession spark, Learner learner, PolicyCluster cluster) {
    double seconds = trainSeconds();
    listener.entered("final evaluation on the whole validation split");
    FinalEvaluation scores;
    try (PhaseTimer.Running ignored = clock.start(PhaseTimer.Phase.EVALUATE)) {
      scores = FinalEvaluation.of(cluster);
    }
    Scores consecutive = scores.consecutive();
    Summary summary =
        new Summary(
            consecutive.crossEntropy(),
            scores.sliding().crossEntropy(),
            consecutive.bitsPerCharacter(),
            consecutive.perplexity(),
            consecutive.accuracy(),
            consecutive.calibrationError(),
            entropy,
            reward,
            baselines.of(corpus, counts),
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
            traffic.moved().perStep(config.steps()),
            learner.parameters().sha256(),
            spark.version(),
            config.preset(),
            config.seed());
    storage.writeString(Storage.resolve(output, RunFiles.SUMMARY), summary.toJson());
    return summary;
  }
}
