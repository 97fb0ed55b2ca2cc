package io.avatarl.jobs;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.files.Storage;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.train.PromptTraining;
import io.avatarl.train.Runs;
import io.avatarl.train.TrainingListener;
import io.avatarl.yardstick.NgramBaselines;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Reinforcement learning whose rewards are a column: {@link #rollouts} draws continuations of
 * prompts as a DataFrame, any Spark code adds {@code reward}, {@link #learn} learns from it, {@link
 * #save} writes a run like any other.
 *
 * <pre>{@code
 * try (PolicyTrainer policy = PolicyTrainer.load(spark, "runs/first", Map.of("advantage.estimator", "grpo"))) {
 *   for (int step = 0; step < 100; step++) {
 *     Dataset<Row> drawn = policy.rollouts(prompts, 8, 64);
 *     Row metrics = policy.learn(drawn.withColumn("reward", expr("1 - abs(instr(continuation, '\n') - 40) / 64")));
 *     System.out.println(metrics.json());
 *   }
 *   policy.save("runs/second");
 * }
 * }</pre>
 *
 * <p>What is drawn depends on the seed, the step and the prompt's text, and what is learned on the
 * rows and not on their order: however rows are partitioned, shuffled or cached, the bits are the
 * same. Settings are the keys of {@code reference.conf}; a step has {@code learner.updatesPerStep}
 * updates, advantages are those of {@code advantage.estimator}, and with {@code
 * learner.kl.reference = initial} a KL term pulls to the weights it began with.
 *
 * <p>Used by one thread. Nothing here ends the JVM or the session.
 */
public final class PolicyTrainer implements AutoCloseable {
  /** What continuations of prompts need, whatever a run or a preset was made for. */
  private static final List<String> LOOP =
      List.of(
          "rollout.exploration=sampled",
          "rollout.draw=independent",
          "rollout.mixture=0",
          "rollout.temperature=1",
          "rollout.ahead=0",
          "advantage.mean=weighted",
          "learner.placement=driver",
          "curriculum.stages=[]");

  /** What else there is to know, the caller gets. */
  private static final TrainingListener WARNINGS =
      new TrainingListener() {
        @Override
        public void warned(String warning) {
          System.err.println("WARNING: " + warning);
        }
      };

  private final Storage storage;
  private final PromptTraining training;

  private PolicyTrainer(SparkSession spark, Storage storage, TrainingConfig config) {
    this.storage = storage;
    this.training =
        new PromptTraining(
            spark,
            storage,
            config,
            new CorpusLoader(
                storage,
                new CorpusSource(storage, Home.path(), System.getenv()),
                () -> spark,
                new CorpusConsole(System.err, OptionalInt.empty())),
            WARNINGS,
            NgramBaselines::of);
  }

  /** Begins with a run's weights, under its own settings; see the other {@code load}. */
  public static PolicyTrainer load(SparkSession spark, String run) {
    return load(spark, run, Map.of());
  }

  /**
   * Begins with a run's newest weights; optimizer, schedule and counters begin anew.
   *
   * @param run its folder, any Hadoop path
   * @param settings keys of {@code reference.conf} that differ from the run's; {@code
   *     init.checkpoint} chooses another checkpoint, {@code corpus} is {@code corpus.path}
   * @throws io.avatarl.config.UserError where there is no such run, or a setting does not fit
   */
  public static PolicyTrainer load(SparkSession spark, String run, Map<String, ?> settings) {
    Storage storage = new Storage(Job.Session.context(spark).hadoopConfiguration());
    List<String> overrides = new ArrayList<>(LOOP);
    overrides.addAll(
        List.of("init.run=" + run, "init.hf=", "init.checkpoint=newest", "init.sha256="));
    overrides.addAll(overrides(settings));
    return new PolicyTrainer(
        spark, storage, Runs.config(storage, run, overrides, System.err::println));
  }

  /**
   * Begins with random weights.
   *
   * @param settings {@code preset} and {@code corpus} mean what the options of {@code
   *     jobs/train.sh} do; every other key is one of {@code reference.conf}
   * @throws io.avatarl.config.UserError where a setting does not fit
   */
  public static PolicyTrainer initial(SparkSession spark, Map<String, ?> settings) {
    Storage storage = new Storage(Job.Session.context(spark).hadoopConfiguration());
    Map<String, Object> own = new TreeMap<>(settings);
    Object preset = own.remove("preset");
    List<String> overrides = new ArrayList<>(LOOP);
    overrides.addAll(overrides(own));
    return new PolicyTrainer(
        spark,
        storage,
        TrainingRun.config(
            storage,
            preset == null ? "" : preset.toString(),
            overrides,
            "",
            "",
            false,
            System.err::println));
  }

  private static List<String> overrides(Map<String, ?> settings) {
    return new TreeMap<>(settings)
        .entrySet().stream()
            .map(
                entry ->
                    (entry.getKey().equals("corpus") ? "corpus.path" : entry.getKey())
                        + "="
                        + entry.getValue())
            .toList();
  }

  /** As {@link #rollouts(Dataset, int, int)}, by {@code rollout.samples} and {@code horizon}. */
  public Dataset<Row> rollouts(Dataset<Row> prompts) {
    return rollouts(
        prompts, training.config().rollout().samples(), training.config().rollout().horizon());
  }

  /**
   * Draws continuations of prompts from the policy, one row each, computed once.
   *
   * @param prompts with a string column {@code prompt}; other columns come along
   * @param samples continuations of each prompt, at least 2
   * @param tokens of each continuation, at most the model's context; of a prompt the model sees the
   *     last context − tokens + 1 tokens
   * @return the prompts' columns, then {@code continuation, group_id, rollout, actions_per_group,
   *     context_tokens, action_tokens, logprobs, logprob, policy_version, step}
   * @throws io.avatarl.config.UserError where prompts cannot be continued, in one line
   */
  public Dataset<Row> rollouts(Dataset<Row> prompts, int samples, int tokens) {
    return training.rollouts(prompts, samples, tokens);
  }

  /**
   * Learns from continuations: one step.
   *
   * @param scored what {@link #rollouts} gave, of this policy version or at most {@code
   *     rollout.maxStaleness} before, in any order, with a column {@code reward}: a number, which
   *     is paid to every token, or an array with a number for each token; other columns are kept in
   *     the run's rollout table
   * @return {@code step, update, rows, reward, degenerate, entropy, loss, kl, clip_fraction,
   *     reference_kl, kl_weight, gradient_norm, learning_rate, policy_version, staleness, seconds}
   * @throws io.avatarl.config.UserError where rows are missing, doubled, without a reward or of
   *     another policy version; the line counts them, and nothing was learned
   */
  public Row learn(Dataset<Row> scored) {
    return training.learn(scored);
  }

  /**
   * Scores the policy on a part of the corpus's validation split.
   *
   * @return {@code step, val_ce, val_bits_per_character, val_accuracy, val_calibration_error,
   *     positions}
   */
  public Row evaluate() {
    return training.evaluate();
  }

  /**
   * Writes a run like any other: checkpoint, metrics, rollout tables, summary, samples, report.
   * Called again for the same folder, it brings that up to date.
   *
   * @param run any Hadoop path; must not hold another run
   * @return the same
   */
  public String save(String run) {
    training.save(run);
    RunReport.write(storage, training.config(), run);
    return run;
  }

  /** Steps done. */
  public long step() {
    return training.step();
  }

  /** Version of the policy that {@link #rollouts} draws from. */
  public long policyVersion() {
    return training.version();
  }

  /** Frees memory here and on the executors; DataFrames that were drawn may be lost. */
  @Override
  public void close() {
    training.close();
  }
}
