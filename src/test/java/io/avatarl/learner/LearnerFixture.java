package io.avatarl.learner;

import io.avatarl.advantage.AdvantageEstimator;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.KlConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import io.avatarl.rollout.Exploration;
import io.avatarl.rollout.ExplorationInput;
import io.avatarl.rollout.Groups;
import io.avatarl.rollout.ReferenceLogProbs;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.rollout.WindowBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** A tiny model, what it tried, and what it was paid for. */
final class LearnerFixture {
  static final int VOCABULARY = 7;

  private LearnerFixture() {}

  /** A tiny model with weights large enough that nothing is nearly linear. */
  static TrainingConfig config(String... overrides) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "model.layers=1",
                "model.heads=2",
                "model.width=8",
                "model.context=5",
                "learner.optimizer.warmup=0",
                "learner.slices=1"));
    all.addAll(List.of(overrides));
    return ConfigReader.read("test", "", all);
  }

  static Parameters parameters(TrainingConfig config, int vocabulary) {
    return Parameters.random(ParameterLayout.of(config.model(), vocabulary), 0.4, 11);
  }

  static int[] tokens(TrainingConfig config, int windows, int vocabulary) {
    Random random = new Random(5);
    int[] tokens = new int[windows * (config.model().context() + 1)];
    Arrays.setAll(tokens, i -> random.nextInt(vocabulary));
    return tokens;
  }

  /** Groups and advantages under the current parameters, reward 1 for the gold token. */
  static RolloutShard rollouts(TrainingConfig config, Parameters parameters, int windows) {
    int vocabulary = parameters.layout().parameters().get(0).shape().get(0);
    int context = config.model().context();
    int[] tokens = tokens(config, windows, vocabulary);
    Groups groups;
    try (Policy policy = new Policy(config.model(), parameters)) {
      float[] logProbs = policy.logProbs(windows, inputs(tokens, windows, context));
      groups =
          Exploration.of(config.rollout(), vocabulary, Optional.empty(), Optional.empty())
              .explore(
                  new ExplorationInput(
                      WindowBatch.of(windows, tokens), logProbs, policy, new Random(3)));
    }
    int k = groups.actionsPerGroup();
    float[] rewards = new float[groups.count() * k];
    for (int i = 0; i < rewards.length; i++) {
      rewards[i] = groups.action(i / k, i % k) == groups.gold(i / k) ? 1 : 0;
    }
    float[] advantages = AdvantageEstimator.of(config.advantage()).advantages(groups, rewards);
    return new RolloutShard(
        0, groups, advantages, reference(config, groups, vocabulary), RolloutStatistics.NONE);
  }

  /** Another random policy's log-probabilities, as the configured estimator takes them. */
  private static float[] reference(TrainingConfig config, Groups groups, int vocabulary) {
    KlConfig kl = config.learner().kl();
    if (kl.reference() == KlConfig.Reference.NONE) {
      return new float[0];
    }
    Parameters other = Parameters.random(ParameterLayout.of(config.model(), vocabulary), 0.4, 12);
    try (Policy policy = new Policy(config.model(), other)) {
      return ReferenceLogProbs.select(
          kl.estimator(), groups, ReferenceLogProbs.policy(policy, groups), vocabulary);
    }
  }

  static long[] inputs(int[] tokens, int windows, int context) {
    long[] inputs = new long[windows * context];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = tokens[i / context * (context + 1) + i % context];
    }
    return inputs;
  }

  static Minibatch minibatch(TrainingConfig config, Parameters parameters, int windows) {
    return Minibatch.of(List.of(rollouts(config, parameters, windows)), 1).get(0);
  }

  /** Changes the policy so that ratios differ from 1. */
  static void perturb(Parameters parameters, double std) {
    Random random = new Random(17);
    float[] values = parameters.toArray();
    for (ParameterLayout.Parameter p : parameters.layout().parameters()) {
      for (int i = p.offset(); i < p.offset() + p.size(); i++) {
        values[i] += (float) (std * random.nextGaussian());
      }
    }
    parameters.set(values);
  }
}
