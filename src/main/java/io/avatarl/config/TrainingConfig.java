package io.avatarl.config;

import java.io.Serializable;

/**
 * Everything that determines a run; see {@code reference.conf} for every key with its default.
 * {@link ConfigReader} builds it.
 *
 * @param preset name of the preset that it came from
 * @param seed of every random stream
 * @param steps of {@code learner.updatesPerStep} updates each
 * @param nativeThreads threads of one native tensor operation
 * @param device what computes
 */
public record TrainingConfig(
    String preset,
    long seed,
    int steps,
    int nativeThreads,
    DeviceType device,
    CorpusConfig corpus,
    InitConfig init,
    GptConfig model,
    RolloutConfig rollout,
    RolloutTableConfig rolloutTable,
    RewardConfig reward,
    AdvantageConfig advantage,
    LearnerConfig learner,
    BroadcastConfig broadcast,
    CurriculumConfig curriculum,
    EvaluationConfig evaluation,
    CheckpointConfig checkpoint,
    SampleConfig sample,
    TrackingConfig tracking)
    implements Serializable {
  public TrainingConfig {
    Check.range("steps", steps, 0, 1_000_000_000);
    Check.range("nativeThreads", nativeThreads, 1, 1024);
    boolean onDriver = learner.placement() == LearnerConfig.Placement.DRIVER;
    int windows = (onDriver ? learner.updatesPerStep() : 1) * rollout.windowsPerUpdate();
    requireHorizon("rollout.horizon", rollout.horizon(), model, reward, curriculum);
    for (int i = 0; i < curriculum.stages().size(); i++) {
      String key = "curriculum.stages[" + i + "].horizon";
      int horizon = curriculum.stages().get(i).horizon();
      requireHorizon(key, horizon, model, reward, curriculum);
      try {
        rollout.withHorizon(Math.max(1, horizon));
      } catch (Check.Refused e) {
        Check.that(false, key, e.getMessage());
      }
    }
    Check.that(
        !rollout.needsReferee() || !reward.referee().run().isEmpty(),
        "rollout.refereeTop",
        rollout.refereeTop() + " needs a referee; name its run in reward.referee.run");
    Check.that(
        advantage.mean() == AdvantageConfig.Mean.WEIGHTED
            || rollout.exploration() == RolloutConfig.Exploration.SAMPLED
                && rollout.horizon() == 1
                && curriculum.stages().stream().allMatch(stage -> stage.horizon() <= 1),
        "advantage.mean",
        ConfigReader.spelling(advantage.mean().name())
            + " is for sampled groups of one state (rollout.exploration = sampled, horizon = 1);"
            + " set weighted");
    boolean active = rollout.exploration() == RolloutConfig.Exploration.ACTIVE;
    Check.that(
        learner.kl().reference() == KlConfig.Reference.NONE
            || learner.kl().estimator() == KlConfig.Estimator.FULL
            || rollout.weighsByPolicy(),
        "learner.kl.estimator",
        "sampled estimates a KL from weights that stand for the policy, and those of "
            + (active ? "rollout.exploration = active" : "rollout.weights = uniform")
            + " do not; set full");
    Check.that(
        learner.kl().reference() != KlConfig.Reference.LAST
            || onDriver && (learner.updatesPerStep() > 1 || rollout.ahead() == 1),
        "learner.kl.reference",
        "last is the policy that explored, and here every update explores with the newest"
            + " weights, so this"
            + " KL would stay 0; set ngram, initial or none, or let the driver make several"
            + " updates a step"
            + " (learner.placement = driver, learner.updatesPerStep)");
    Check.that(
        rollout.shards() <= windows,
        "rollout.shards",
        rollout.shards()
            + (onDriver
                ? " is more than the windows of a step: learner.updatesPerStep ×"
                    + " rollout.windowsPerUpdate = "
                : " is more than the windows of an update that executors share:"
                    + " rollout.windowsPerUpdate = ")
            + windows);
    Check.that(
        rollout.stored().isEmpty()
            || onDriver
                && rollout.ahead() == 0
                && advantage.mean() == AdvantageConfig.Mean.WEIGHTED
                && curriculum.stages().isEmpty(),
        "rollout.stored",
        "stored rollouts need learner.placement = driver, rollout.ahead = 0, advantage.mean ="
            + " weighted"
            + " and no curriculum.stages");
    Check.that(
        rollout.ahead() == 0 || onDriver,
        "rollout.ahead",
        rollout.ahead()
            + ": with learner.placement = executors a task's rollouts and its gradient are one"
            + " pass over the"
            + " newest weights; set 0");
  }

  private static void requireHorizon(
      String key, int horizon, GptConfig model, RewardConfig reward, CurriculumConfig curriculum) {
    Check.that(
        horizon <= model.context(),
        key,
        horizon + " does not fit into model.context = " + model.context());
    Check.that(
        horizon <= 1 || !rewards(reward, curriculum, "referee"),
        key,
        horizon
            + ": a continuation has one action in a state, and the reward referee compares those"
            + " of a"
            + " state; set 1");
  }

  /** Whether any stage uses a reward component. */
  private static boolean rewards(
      RewardConfig reward, CurriculumConfig curriculum, String component) {
    return reward.weights().getOrDefault(component, 0.0) != 0
        || curriculum.stages().stream()
            .anyMatch(stage -> stage.reward().getOrDefault(component, 0.0) != 0);
  }

  /** A copy with another corpus. */
  public TrainingConfig with(CorpusConfig other) {
    return with(seed, other, init);
  }

  /** The same with another beginning. */
  public TrainingConfig with(InitConfig other) {
    return with(seed, corpus, other);
  }

  /** A copy with another seed. */
  public TrainingConfig withSeed(long other) {
    return with(other, corpus, init);
  }

  private TrainingConfig with(long otherSeed, CorpusConfig otherCorpus, InitConfig otherInit) {
    return new TrainingConfig(
        preset,
        otherSeed,
        steps,
        nativeThreads,
        device,
        otherCorpus,
        otherInit,
        model,
        rollout,
        rolloutTable,
        reward,
        advantage,
        learner,
        broadcast,
        curriculum,
        evaluation,
        checkpoint,
        sample,
        tracking);
  }

  /**
   * The same with the exploration, rewards, stages and evaluation of another configuration.
   *
   * @throws UserError where they do not go with this model
   */
  public TrainingConfig paidAs(TrainingConfig other) {
    try {
      return new TrainingConfig(
          preset,
          seed,
          steps,
          nativeThreads,
          device,
          corpus,
          init,
          model,
          other.rollout,
          rolloutTable,
          other.reward,
          other.advantage,
          other.learner,
          broadcast,
          other.curriculum,
          other.evaluation,
          checkpoint,
          sample,
          tracking);
    } catch (Check.Refused e) {
      throw new UserError(e.key + ": " + e.getMessage(), e);
    }
  }

  /** Windows of one step over all shards. */
  public int windowsPerStep() {
    return learner.updatesPerStep() * rollout.windowsPerUpdate();
  }

  /**
   * Spark rounds of a step: one if the driver learns, else one per update, in which tasks make
   * rollouts and gradients in one pass.
   */
  public int roundsPerStep() {
    return learner.placement() == LearnerConfig.Placement.DRIVER ? 1 : learner.updatesPerStep();
  }

  /** Shards of a step; each round has {@code rollout.shards} of them. */
  public int shardsPerStep() {
    return roundsPerStep() * rollout.shards();
  }

  /** Windows of one shard of a step: an even share of its round. */
  public int windowsInShard(int shard) {
    return firstWindow(shard + 1) - firstWindow(shard);
  }

  /** Windows of a step in the shards before this one. */
  public int firstWindow(int shard) {
    int windows = windowsPerStep() / roundsPerStep();
    int round = shard / rollout.shards();
    return windows * round + (int) ((long) windows * (shard % rollout.shards()) / rollout.shards());
  }

  /**
   * States scored in one step: every position of its windows, or every token of its continuations
   * (of {@code rollout.horizon} tokens; stages may have horizons of their own).
   */
  public long groupsPerStep() {
    return (long) windowsPerStep() * (rollout.horizon() > 1 ? rollout.horizon() : model.context());
  }

  /** Updates of the whole run. */
  public long updates() {
    return (long) steps * learner.updatesPerStep();
  }
}
