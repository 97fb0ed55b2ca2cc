package io.avatarl.train;

import io.avatarl.advantage.AdvantageEstimator;
import io.avatarl.config.KlConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.learner.Learner;
import io.avatarl.learner.Minibatch;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.reward.CreditAssignment;
import io.avatarl.rollout.Continuation;
import io.avatarl.rollout.PaidContinuations;
import io.avatarl.rollout.RolloutShard;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.spark.rollout.PolicyCluster;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Learns from given continuations: groups, advantages by the configured estimator, the KL term's
 * reference, and an update on each of M minibatches of whole groups.
 */
final class ContinuationLearner {
  private final TrainingConfig config;
  private final Learner learner;
  private final PolicyCluster cluster;

  ContinuationLearner(TrainingConfig config, Learner learner, PolicyCluster cluster) {
    this.config = config;
    this.learner = learner;
    this.cluster = cluster;
  }

  /**
   * The result of a step.
   *
   * @param updates at least one
   * @param advantages of each continuation, the mean over its tokens
   */
  record Learned(
      List<UpdateMetrics> updates,
      RolloutStatistics statistics,
      Map<Continuation, Double> advantages) {}

  /** Continuations of one shape with their place in the step. */
  private record Part(int minibatch, PaidContinuations paid, float[] advantages) {}

  /**
   * Learns.
   *
   * @param sorted the K continuations of each group one after another
   * @param step from 0
   * @param updated called after each update
   */
  Learned learn(List<Continuation> sorted, long step, Consumer<UpdateMetrics> updated) {
    List<Part> parts = parts(sorted);
    RolloutStatistics statistics = RolloutStatistics.NONE;
    Map<Continuation, Double> advantages = new LinkedHashMap<>();
    for (Part part : parts) {
      statistics =
          statistics.plus(
              RolloutStatistics.ofContinuations(
                  part.paid.groups(), part.paid.rewards(), part.advantages));
      means(part, advantages);
    }
    List<RolloutShard> shards = shards(parts, step);
    Map<Integer, List<Minibatch>> minibatches = new TreeMap<>();
    for (int i = 0; i < parts.size(); i++) {
      minibatches
          .computeIfAbsent(parts.get(i).minibatch, m -> new ArrayList<>())
          .addAll(Minibatch.of(List.of(shards.get(i)), 1));
    }
    List<UpdateMetrics> updates = new ArrayList<>();
    for (List<Minibatch> minibatch : minibatches.values()) {
      UpdateMetrics update = learner.update(minibatch);
      updates.add(update);
      updated.accept(update);
    }
    return new Learned(updates, statistics, advantages);
  }

  private List<Part> parts(List<Continuation> sorted) {
    List<List<Continuation>> groups = new ArrayList<>();
    for (int from = 0; from < sorted.size(); from += sorted.get(from).samples()) {
      groups.add(sorted.subList(from, from + sorted.get(from).samples()));
    }
    int count = Math.min(config.learner().updatesPerStep(), groups.size());
    List<Part> parts = new ArrayList<>();
    for (int m = 0; m < count; m++) {
      int from = (int) ((long) groups.size() * m / count);
      int to = (int) ((long) groups.size() * (m + 1) / count);
      List<Continuation> rollouts =
          groups.subList(from, to).stream().flatMap(List::stream).toList();
      for (PaidContinuations paid :
          PaidContinuations.of(rollouts, config.rollout().windowsPerUpdate())) {
        CreditAssignment.assign(config.rollout().credit(), paid.groups(), paid.rewards());
        parts.add(
            new Part(
                m,
                paid,
                AdvantageEstimator.of(config.advantage())
                    .advantages(paid.groups(), paid.rewards())));
      }
    }
    return parts;
  }

  private static void means(Part part, Map<Continuation, Double> advantages) {
    int horizon = part.paid.groups().groupsPerRow();
    for (int i = 0; i < part.paid.rollouts().size(); i++) {
      double sum = 0;
      for (int h = 0; h < horizon; h++) {
        sum += part.advantages[i * horizon + h];
      }
      advantages.put(part.paid.rollouts().get(i), sum / horizon);
    }
  }

  private List<RolloutShard> shards(List<Part> parts, long step) {
    List<RolloutShard> shards = new ArrayList<>();
    for (Part part : parts) {
      shards.add(shard(shards.size(), part, new float[0]));
    }
    if (config.learner().kl().reference() == KlConfig.Reference.NONE) {
      return shards;
    }
    List<float[]> references = cluster.reference(shards, step);
    for (int i = 0; i < shards.size(); i++) {
      shards.set(i, shard(i, parts.get(i), references.get(i)));
    }
    return shards;
  }

  private static RolloutShard shard(int number, Part part, float[] reference) {
    return new RolloutShard(
        number, part.paid.groups(), part.advantages, reference, RolloutStatistics.NONE);
  }
}
