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
 * Reinforcement learning with rewards from a column: {@link #rollouts} draws continuations of
 * prompts as a DataFrame, any Spark code adds {@code reward}, {@link #learn} learns from it, and
 * {@link #save} writes a normal run.
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
 * <p>Continuations depend only on the seed, the step and the prompt's text, and learning does not
 * depend on the order of rows: however rows are partitioned, shuffled or cached, the bits are the
 * same. Settings are the keys of {@code reference.conf}. A step has {@code learner.updatesPerStep}
 * updates, advantages are those of {@code advantage.estimator}, and with {@code
 * learner.kl.reference = initial} the KL term's reference is the weights that training began with.
 *
 * <p>Used by one thread. Nothing here ends the JVM or the session.
 */
public final class PolicyTrainer implements AutoCloseable {
  /** Settings that continuations of prompts need, whatever the run or the preset has. */
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

  /** Prints warnings only; the caller gets everything else. */
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

  /** Begins with a run's weights and settings; see {@link #load(SparkSession, String, Map)}. */
  public static PolicyTrainer load(SparkSession spark, String run) {
    return load(spark, run, Map.of());
  }

  /**
   * Begins with a run's newest weights; optimizer, schedule and counters start anew.
   *
   * @param run its folder, any Hadoop path
   * @param settings keys of {@code reference.conf} that differ from the run's; {@code
   *     init.checkpoint} chooses another checkpoint, {@code corpus} is {@code corpus.path}
   * @throws io.avatarl.config.UserError if there is no such run, or a setting is invalid
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
   * @param settings {@code preset} and {@code corpus} mean the same as the options of {@code
   *     jobs/train.sh}; all other keys are those of {@code reference.conf}
   * @throws io.avatarl.config.UserError if a setting is invalid
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
   * Draws continuations of prompts from the policy, one row each. They are computed only once.
   *
   * @param prompts with a string column {@code prompt}; other columns are kept
   * @param samples continuations of each prompt, at least 2
   * @param tokens of each continuation, at most the model's context; the model sees the last
   *     context − tokens + 1 tokens of a prompt
   * @return the prompts' columns, then {@code continuation, group_id, rollout, actions_per_group,
   *     context_tokens, action_tokens, logprobs, logprob, policy_version, step}
   * @throws io.avatarl.config.UserError if prompts cannot be continued, in one line
   */
  public Dataset<Row> rollouts(Dataset<Row> prompts, int samples, int tokens) {
    return training.rollouts(prompts, samples, tokens);
  }

  /**
   * Learns from continuations: one step.
   *
   * @param scored rows of {@link #rollouts} in any order, of this policy version or at most {@code
   *     rollout.maxStaleness} older, with a column {@code reward}: a number, which every token
   *     gets, or an array with a number for each token; other columns are kept in the run's rollout
   *     table
   * @return {@code step, update, rows, reward, degenerate, entropy, loss, kl, clip_fraction,
   *     reference_kl, kl_weight, gradient_norm, learning_rate, policy_version, staleness, seconds}
   * @throws io.avatarl.config.UserError if rows are missing, duplicated, without a reward or of
   *     another policy version; the message counts them, and nothing was learned
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
   * Writes a normal run: checkpoint, metrics, rollout tables, summary, samples, report. Another
   * call for the same folder updates it.
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

  /** Frees memory here and on the executors; drawn DataFrames may be lost. */
  @Override
  public void close() {
    training.close();
  }
}
