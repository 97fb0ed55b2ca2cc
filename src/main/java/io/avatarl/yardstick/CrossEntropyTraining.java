package io.avatarl.yardstick;

import io.avatarl.config.GptConfig;
import io.avatarl.config.LearnerConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.Windows;
import io.avatarl.learner.Learner;
import io.avatarl.learner.Minibatch;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.rollout.WindowBatch;
import java.util.ArrayList;
import java.util.List;

/**
 * The yardstick {@code baseline-ce}: plain next-token cross-entropy training with the same model,
 * initial weights, windows, optimizer and number of updates as a preset, in a loop without Spark.
 * It is for comparison only.
 */
public final class CrossEntropyTraining implements AutoCloseable {
  private final TrainingConfig config;
  private final Corpus corpus;
  private final Learner learner;

  public CrossEntropyTraining(TrainingConfig config, Corpus corpus) {
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    this.config = config;
    this.corpus = corpus;
    ParameterLayout layout =
        ParameterLayout.of(config.model(), corpus.tokenizer().vocabularySize());
    this.learner =
        learner(
            config.learner(), config.model(), Parameters.initial(config, layout), config.updates());
  }

  /**
   * @param parameters the trained parameters
   * @param seconds wall time of the updates
   */
  public record Result(Parameters parameters, double seconds) {}

  /** A learner like that of training, except for its objective. */
  public static Learner learner(
      LearnerConfig config, GptConfig model, Parameters parameters, long plannedUpdates) {
    return Learner.minimising(new CrossEntropy(), config, model, parameters, plannedUpdates);
  }

  /** Trains for the steps in {@code config}. */
  public static Result train(TrainingConfig config, Corpus corpus) {
    try (CrossEntropyTraining loop = new CrossEntropyTraining(config, corpus)) {
      long start = System.nanoTime();
      for (long step = 0; step < config.steps(); step++) {
        loop.step(step);
      }
      return new Result(loop.learner.parameters(), (System.nanoTime() - start) / 1e9);
    }
  }

  /** Does the updates of a step; steps count from 0. */
  public void step(long step) {
    for (Minibatch minibatch :
        Minibatch.of(shards(config, corpus, step), config.learner().updatesPerStep())) {
      learner.update(minibatch);
    }
  }

  /** The windows that the rollouts of a step would have. */
  private static List<RolloutShard> shards(TrainingConfig config, Corpus corpus, long step) {
    List<RolloutShard> shards = new ArrayList<>();
    for (int shard = 0; shard < config.shardsPerStep(); shard++) {
      int windows = config.windowsInShard(shard);
      WindowBatch rows =
          WindowBatch.of(
              windows,
              Windows.draw(
                  corpus.train(),
                  config.model().context(),
                  windows,
                  config.seed(),
                  step,
                  shard,
                  config.shardsPerStep()));
      Groups gold = Groups.gold(rows);
      shards.add(
          new RolloutShard(
              shard,
              gold,
              new float[gold.count()],
              new float[0],
              RolloutStatistics.counts(gold.count(), gold.count())));
    }
    return shards;
  }

  @Override
  public void close() {
    learner.close();
  }
}
