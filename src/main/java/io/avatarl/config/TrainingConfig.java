package io.avatarl.config;

import java.io.Serializable;

/**
 * Everything that determines a run; see {@code reference.conf} for every key with its default.
 * {@link ConfigReader} builds it.
 *
 * @param preset name of the preset it came from
 * @param seed of every random stream
 * @param steps Spark rounds; each has {@code learner.updatesPerStep} updates
 * @param nativeThreads threads of one native tensor operation
 */
public record TrainingConfig(
    String preset,
    long seed,
    int steps,
    int nativeThreads,
    CorpusConfig corpus,
    GptConfig model,
    RolloutConfig rollout,
    RolloutTableConfig rollouts,
    RewardConfig reward,
    AdvantageConfig advantage,
    LearnerConfig learner,
    EvaluationConfig evaluation,
    CheckpointConfig checkpoint,
    SampleConfig sample)
    implements Serializable {
  public TrainingConfig {
    Check.range("steps", steps, 0, 1_000_000_000);
    Check.range("nativeThreads", nativeThreads, 1, 1024);
    int windows = learner.updatesPerStep() * rollout.windowsPerUpdate();
    Check.that(
        rollout.shards() <= windows,
        "rollout.shards",
        rollout.shards()
            + " is more than the windows of a step: learner.updatesPerStep × rollout.windowsPerUpdate = "
            + windows);
  }

  /** Windows of one step over all shards. */
  public int windowsPerStep() {
    return learner.updatesPerStep() * rollout.windowsPerUpdate();
  }

  /** Updates of the whole run. */
  public long updates() {
    return (long) steps * learner.updatesPerStep();
  }
}
