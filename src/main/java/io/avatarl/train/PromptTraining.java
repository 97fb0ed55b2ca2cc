package io.avatarl.train;

import ai.djl.Device;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.AdvantageConfig;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.KlConfig;
import io.avatarl.config.LearnerConfig;
import io.avatarl.config.RolloutConfig;
import io.avatarl.config.RolloutTableConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusProvider;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.evaluation.Scores;
import io.avatarl.files.HadoopPath;
import io.avatarl.files.Storage;
import io.avatarl.learner.Learner;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.model.NativeEngine;
import io.avatarl.spark.ngram.NgramCounter;
import io.avatarl.spark.rollout.Devices;
import io.avatarl.spark.rollout.PolicyCluster;
import io.avatarl.spark.rollout.Prompts;
import io.avatarl.spark.table.ContinuationTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Training with rewards from outside: continuations of prompts are given out as a DataFrame, and
 * learned from when they come back with rewards. It uses the same parts as the training loop:
 * {@link Learner}, groups, estimators, {@link PolicyCluster}, {@link RunState}. A step is a call of
 * {@link #learn}.
 */
public final class PromptTraining implements AutoCloseable {
  private final SparkSession spark;
  private final Storage storage;
  private final Beginning beginning;
  private final TrainingConfig config;
  private final TrainingListener listener;
  private final Baselines baselines;
  private final Corpus vocabulary;
  private final Learner learner;
  private final PolicyCluster cluster;
  private final ContinuationLearner continuations;
  private final RunState state;
  private final List<ObjectNode> records = new ArrayList<>();
  private final TreeMap<Long, ContinuationTable> tables = new TreeMap<>();
  private Optional<ContinuationTable> lastTable = Optional.empty();
  private Optional<PolicyCluster> evaluating = Optional.empty();
  private Optional<NgramCounts> counts = Optional.empty();
  private String saved = "";

  /**
   * Begins.
   *
   * @param corpora finds the corpus that the configuration names; it is for evaluation, and gives a
   *     random model its vocabulary
   * @param baselines for the summary
   * @throws UserError if the configuration is invalid, or something that it names does not exist
   */
  public PromptTraining(
      SparkSession spark,
      Storage storage,
      TrainingConfig asked,
      CorpusProvider corpora,
      TrainingListener listener,
      Baselines baselines) {
    requireFitting(asked);
    this.spark = spark;
    this.storage = storage;
    this.listener = listener;
    this.baselines = baselines;
    this.beginning =
        Beginning.of(
            storage,
            asked,
            corpora,
            asked.init().isWarm() ? HadoopPath.parent(asked.init().place()) : "runs",
            Optional.empty(),
            listener::warned);
    this.config = beginning.config();
    this.vocabulary = Corpus.ofVocabulary(beginning.corpus().tokenizer());
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    Device device = Devices.ofDriver(context, config.device());
    Devices.shareWithLocalTasks(device);
    if (config.learner().kl().reference() == KlConfig.Reference.NGRAM) {
      counts = Optional.of(count());
    }
    this.learner =
        new Learner(
            config.learner(), config.model(), beginning.parameters(), config.updates(), device);
    this.cluster =
        PolicyCluster.forPrompts(
            context, config, vocabulary, counts, beginning.initial().orElse(new float[0]));
    this.continuations = new ContinuationLearner(config, learner, cluster);
    this.state = new RunState(config, TrainerState.start(config), learner, listener);
    cluster.publish(state.version(), learner.parameters().toArray());
  }

  private static void requireFitting(TrainingConfig config) {
    refuse(
        config.learner().placement() == LearnerConfig.Placement.EXECUTORS,
        "learner.placement = executors: tasks learn from what they score themselves; set driver");
    refuse(
        config.rollout().exploration() != RolloutConfig.Exploration.SAMPLED,
        "rollout.exploration: continuations of prompts are drawn from the policy; set sampled");
    refuse(
        config.advantage().mean() != AdvantageConfig.Mean.WEIGHTED,
        "advantage.mean: continuations of prompts need weighted");
    refuse(
        !config.curriculum().stages().isEmpty(),
        "curriculum.stages: rewards are yours here, and stages have none to change; leave them out");
    refuse(
        config.learner().kl().reference() == KlConfig.Reference.LAST
            && config.rollout().maxStaleness() > 0,
        "learner.kl.reference = last: older weights are not kept, so rollout.maxStaleness has to be"
            + " 0; take initial");
  }

  private static void refuse(boolean wrong, String why) {
    if (wrong) {
      throw new UserError(why);
    }
  }

  /**
   * The configuration, with the corpus's actual path and the exact checkpoint that it began with.
   */
  public TrainingConfig config() {
    return config;
  }

  /** Steps done. */
  public long step() {
    return state.step();
  }

  /** Version of the policy that {@link #rollouts} draws from. */
  public long version() {
    return state.version();
  }

  /**
   * Draws continuations of prompts from the policy; see {@link PolicyCluster#continuations}.
   *
   * @param prompts with a column {@code prompt}
   * @param samples K, of each prompt
   * @param tokens H, of each; the model sees a prompt's last context − H + 1 tokens
   */
  public Dataset<Row> rollouts(Dataset<Row> prompts, int samples, int tokens) {
    refuse(
        samples < 2,
        "samples = " + samples + ": a group needs something to compare; set 2 or more");
    refuse(
        tokens < 1 || tokens > config.model().context(),
        "tokens = "
            + tokens
            + ": must be between 1 and model.context = "
            + config.model().context());
    Prompts read =
        Prompts.of(
            prompts,
            vocabulary.tokenizer(),
            config.model().context() - tokens + 1,
            config.seed(),
            state.step());
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.ROLLOUT)) {
      return cluster.continuations(spark, read, samples, tokens, state.step());
    }
  }

  /**
   * Learns from scored continuations; this is one step.
   *
   * @param scored rows of {@link #rollouts} with a column {@code reward}
   * @return the step's metrics, {@link LearnedStep}
   * @throws UserError if rows cannot be learned from; then nothing was learned
   */
  public Row learn(Dataset<Row> scored) {
    long start = System.nanoTime();
    long version = state.version();
    ScoredRows rows =
        ScoredRows.read(
            scored,
            new ScoredRows.Limits(
                "learn",
                version,
                version - config.rollout().maxStaleness(),
                vocabulary.tokenizer().vocabularySize(),
                config.model().context(),
                config.advantage().estimator() != AdvantageConfig.Estimator.MAXRL));
    List<ObjectNode> made = new ArrayList<>();
    ContinuationLearner.Learned learned = learned(rows, made, version);
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.BROADCAST)) {
      cluster.publish(version + 1, learner.parameters().toArray());
    }
    StepStrategy.Outcome outcome =
        new StepStrategy.Outcome(learned.statistics(), learned.updates());
    for (String warning : state.stepped(outcome)) {
      made.add(MetricsRecords.warning(state.step(), warning));
      listener.warned("step " + state.step() + ": " + warning);
    }
    records.addAll(made);
    made.forEach(listener::recorded);
    keep(rows, learned);
    listener.stepped(state.step(), learned.statistics(), outcome.lastUpdate());
    return LearnedStep.row(state.step(), rows, learned, version, (System.nanoTime() - start) / 1e9);
  }

  private ContinuationLearner.Learned learned(
      ScoredRows rows, List<ObjectNode> made, long version) {
    learner.mark();
    List<UpdateMetrics> updates = new ArrayList<>();
    ContinuationLearner.Learned learned;
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.LEARN)) {
      learned = continuations.learn(rows.continuations(), state.step(), updates::add);
    } catch (RuntimeException e) {
      learner.rewind(); // a step is done completely or not at all
      throw e;
    }
    for (UpdateMetrics update : updates) {
      made.add(
          MetricsRecords.learned(
              state.step() + 1,
              update,
              learned.statistics(),
              rows.meanReward(),
              rows.rows().size(),
              version,
              rows.staleness(version)));
    }
    return learned;
  }

  /** Keeps a step's rows, up to the configured number of groups. */
  private void keep(ScoredRows rows, ContinuationLearner.Learned learned) {
    RolloutTableConfig table = config.rolloutTable();
    if (table.every() == 0) {
      return;
    }
    int groups =
        table.windows() == 0 ? Integer.MAX_VALUE : table.windows() * config.rollout().shards();
    ContinuationTable kept =
        ContinuationTable.of(
            rows.schema(), rows.rows(), rows.continuations(), learned.advantages(), groups);
    lastTable = Optional.of(kept);
    if (table.due(state.step(), config.steps())) {
      tables.put(state.step(), kept);
    }
  }

  /**
   * Scores the policy on an even selection of the corpus's validation split.
   *
   * @return {@code step, val_ce, val_bits_per_character, val_accuracy, val_calibration_error,
   *     positions}
   */
  public Row evaluate() {
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.EVALUATE)) {
      Scores scores = evaluating().evaluate(state.step());
      ObjectNode record = MetricsRecords.evaluation(state.step(), learner.updates(), scores);
      records.add(record);
      listener.recorded(record);
      state.evaluated(scores);
      listener.evaluated(state.step(), scores);
      return LearnedStep.evaluated(state.step(), scores);
    }
  }

  /** The cluster for evaluation, which has the corpus, with the newest weights. */
  private PolicyCluster evaluating() {
    if (evaluating.isEmpty()) {
      evaluating =
          Optional.of(
              PolicyCluster.forEvaluation(
                  JavaSparkContext.fromSparkContext(spark.sparkContext()),
                  config,
                  beginning.corpus()));
    }
    evaluating.get().publish(state.version(), learner.parameters().toArray());
    return evaluating.get();
  }

  private NgramCounts count() {
    NgramCounter.leftOut(beginning.corpus(), config.corpus()).ifPresent(listener::warned);
    return NgramCounter.count(spark, beginning.corpus(), config.corpus());
  }

  /**
   * Writes a normal run: configuration, metrics, a checkpoint, rollout tables, the summary. Another
   * call for the same folder updates it.
   *
   * @param folder any Hadoop path; must not hold another run
   * @return the summary
   */
  public Summary save(String folder) {
    String place = storage.qualified(folder);
    if (!place.equals(saved) && Runs.exists(storage, folder)) {
      throw new UserError(folder + ": already holds a run; name another folder");
    }
    refuse(
        config.rolloutTable().format() != RolloutTableConfig.Format.PARQUET,
        "rolloutTable.format = delta: rows with columns of your own are written as Parquet; set"
            + " parquet");
    storage.requireWritableDirectory(folder);
    try (RunClaim claim = RunClaim.take(storage, folder, false, listener::warned)) {
      saved = place;
      storage.writeString(Storage.resolve(folder, RunFiles.CONFIG), ConfigReader.render(config));
      storage.delete(Storage.resolve(folder, RunFiles.METRICS_FOLDER));
      MetricsLog log = new MetricsLog(storage, folder, 1, TrainingListener.NONE);
      records.forEach(log::add);
      log.flush(state.step());
      TreeMap<Long, ContinuationTable> all = new TreeMap<>(tables);
      lastTable.ifPresent(table -> all.putIfAbsent(state.step(), table));
      all.forEach((step, table) -> table.write(spark, storage, folder, step));
      claim.requireHeld();
      try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.CHECKPOINT)) {
        Checkpoint.write(
            storage,
            folder,
            config.model(),
            vocabulary.tokenizer(),
            learner,
            new float[0],
            state.save());
      }
      Summary summary = summary();
      storage.writeString(Storage.resolve(folder, RunFiles.SUMMARY), summary.toJson());
      return summary;
    }
  }

  private Summary summary() {
    double seconds = state.trainSeconds();
    if (counts.isEmpty()) {
      counts = Optional.of(count());
    }
    FinalEvaluation scores;
    try (PhaseTimer.Running ignored = state.clock().start(PhaseTimer.Phase.EVALUATE)) {
      scores = FinalEvaluation.of(evaluating(), config, beginning.corpus(), listener::evaluating);
    }
    return state.summary(
        beginning,
        scores,
        seconds,
        baselines.of(beginning.corpus(), counts.get()),
        spark.version(),
        state.step());
  }

  /** Frees memory of the driver and the executors; drawn DataFrames may be lost. */
  @Override
  public void close() {
    evaluating.ifPresent(PolicyCluster::close);
    cluster.close();
    learner.close();
  }
}
