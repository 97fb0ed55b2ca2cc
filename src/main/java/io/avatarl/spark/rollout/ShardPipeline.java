package io.avatarl.spark.rollout;

import io.avatarl.config.CurriculumStage;
import io.avatarl.config.KlConfig;
import io.avatarl.config.RolloutConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.Windows;
import io.avatarl.model.Distributions;
import io.avatarl.model.Policy;
import io.avatarl.reward.RolloutOrigin;
import io.avatarl.rollout.ExplorationInput;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.ReferenceLogProbs;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.rollout.WindowBatch;
import io.avatarl.spark.table.ScoredGroups;
import io.avatarl.spark.table.TableWriter;
import io.avatarl.spark.transport.PolicyBroadcast;
import io.avatarl.spark.transport.TaskValue;
import java.io.Serializable;
import java.util.Optional;

/**
 * What the tasks of a round share, and their work from log-probabilities on: exploration, rewards,
 * advantages. A shard depends only on (seed, step, shard, stage, weights), so that a second attempt
 * gives the same bits.
 *
 * @param step from 0
 * @param stage of the curriculum
 * @param table where rollouts are also written
 * @param traffic counts what is read of the corpus
 */
record ShardPipeline(
    TaskValue<RunContext> context,
    PolicyBroadcast published,
    long step,
    CurriculumStage stage,
    TableWriter table,
    CorpusTraffic traffic)
    implements Serializable {

  /** The windows of a shard; shards are numbered through all rounds of the step. */
  WindowBatch rows(int shard) {
    RunContext run = context.value();
    TrainingConfig config = run.config();
    int windows = config.windowsInShard(shard);
    int[] packed =
        Windows.draw(
            run.corpus().train(),
            config.model().context(),
            windows,
            config.seed(),
            step,
            shard,
            config.shardsPerStep());
    traffic.report();
    return WindowBatch.of(windows, packed);
  }

  /** The policy's replica; the caller closes it. */
  PolicyReplica replica() {
    return PolicyReplica.acquire(context.value(), published);
  }

  /** The result of exploring, for the learner and for the table. */
  record Explored(RolloutShard shard, ScoredGroups paid) {}

  /** Whether every token is an action, so that all log-probabilities are wanted in the heap. */
  boolean triesEveryToken() {
    return stage.rollout().exploration() == RolloutConfig.Exploration.EXHAUSTIVE;
  }

  /**
   * Explores, and computes rewards and advantages.
   *
   * @param distributions at every position of the rows
   * @param policy that gave them
   * @param start of the task, by {@link System#nanoTime()}
   */
  Explored explore(
      int shard, WindowBatch rows, Distributions distributions, Policy policy, long start) {
    RunContext run = context.value();
    TrainingConfig config = run.config();
    RandomStream random =
        RandomStream.of(config.seed(), step, shard, RandomStream.Purpose.EXPLORATION);
    Groups groups =
        run.exploration(stage).explore(new ExplorationInput(rows, distributions, policy, random));
    KlConfig kl = config.learner().kl();
    boolean entries = looksAtEntriesAlone(kl, groups);
    float[] reference =
        entries
            ? referenceOfEntries(run, groups)
            : reference(run, groups, Optional.of(distributions), policy);
    long explored = System.nanoTime();
    ScoredGroups paid =
        run.score(
            stage, groups, new RolloutOrigin(step + 1, shard, stage.name(), published.version()));
    Distributions.Summary summary = distributions.summary(rows.golds());
    RolloutStatistics sums =
        RolloutStatistics.of(rows, summary, groups, paid.rewards(), paid.advantages());
    if (knowsExactKl(kl, groups)) {
      sums = sums.withReferenceKl(ReferenceLogProbs.kl(distributions.logProbs(), reference));
    }
    sums = sums.timed((explored - start) / 1e9, (System.nanoTime() - explored) / 1e9, 0);
    float[] sent =
        reference.length == 0 || entries
            ? reference
            : ReferenceLogProbs.select(kl.estimator(), groups, reference, run.vocabulary());
    return new Explored(
        new RolloutShard(shard, groups, paid.advantages(), sent, sums),
        table == null ? paid : paid.withEntropies(summary.entropies()));
  }

  /**
   * Writes the explored groups to the step's table. This must be the last thing a task does: Spark
   * lets only one attempt commit, and no other can until that one ends.
   *
   * @return the shard with the time it took
   */
  RolloutShard keep(Explored explored) {
    RolloutShard shard = explored.shard();
    RunContext run = context.value();
    return shard.tabled(
        table.write(
            run.config(),
            run.corpus().tokenizer(),
            shard.shard(),
            published.version(),
            explored.paid()));
  }

  /**
   * Whether the exact value of the KL that the learner estimates on the actions can be computed
   * here. (Against the policy that explored, it is 0 here and grows with the updates; for
   * continuations, the log-probabilities of other tokens are missing.)
   */
  private static boolean knowsExactKl(KlConfig kl, Groups groups) {
    return kl.estimator() == KlConfig.Estimator.SAMPLED
        && (kl.reference() == KlConfig.Reference.NGRAM
            || kl.reference() == KlConfig.Reference.INITIAL)
        && groups.first() == 0;
  }

  /** Whether the reference is only asked about the actions, so that V numbers are not needed. */
  private static boolean looksAtEntriesAlone(KlConfig kl, Groups groups) {
    return kl.reference() != KlConfig.Reference.NONE
        && kl.estimator() == KlConfig.Estimator.SAMPLED
        && groups.actions().length > 0
        && !knowsExactKl(kl, groups);
  }

  /** Log-probabilities of the actions under the KL term's reference, [G·K]. */
  private static float[] referenceOfEntries(RunContext run, Groups groups) {
    KlConfig kl = run.config().learner().kl();
    return switch (kl.reference()) {
      case NONE -> new float[0];
      case NGRAM -> ReferenceLogProbs.ngramEntries(run.ngrams(kl.order()), groups);
      case INITIAL -> {
        try (PolicyReplica initial = PolicyReplica.initial(run)) {
          yield ReferenceLogProbs.policyEntries(initial.policy(), groups);
        }
      }
      case LAST -> groups.logProbs();
    };
  }

  /**
   * Log-probabilities of every token under the KL term's reference.
   *
   * @param distributions of the policy at every position of the rows, if they are known
   * @param policy that explored
   * @return [G·V]; without a KL term empty
   */
  static float[] reference(
      RunContext run, Groups groups, Optional<Distributions> distributions, Policy policy) {
    KlConfig kl = run.config().learner().kl();
    return switch (kl.reference()) {
      case NONE -> new float[0];
      case NGRAM -> ReferenceLogProbs.ngram(run.ngrams(kl.order()), groups);
      case INITIAL -> {
        try (PolicyReplica initial = PolicyReplica.initial(run)) {
          yield ReferenceLogProbs.policy(initial.policy(), groups);
        }
      }
      case LAST ->
          groups.first() == 0 && distributions.isPresent()
              ? distributions.get().logProbs()
              : ReferenceLogProbs.policy(policy, groups);
    };
  }
}
