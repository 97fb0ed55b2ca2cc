package io.avatarl.spark.table;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The SQL of the views over the rollout table; a later one may use those before it.
 *
 * <p>Figures of a group are sums over the actions that the table kept, each with its weight in the
 * group. What was cut is missing from them: little once the policy is sure of something, most of
 * the entropy in the first steps. With {@code rolloutTable.topActions = 0} nothing is cut; sampled
 * groups are always whole.
 */
public final class RolloutViews {
  /** By name, in the order they are to be made. */
  public static final Map<String, String> SQL = new LinkedHashMap<>();

  static {
    // One row per state. A sampled group may hold no gold action: then its rank is NULL.
    SQL.put(
        "groups",
        """
        SELECT step, group_id, first(shard) AS shard, first(position) AS position,
          min_by(context, rank) AS context, first(gold) AS gold, first(gold_token) AS gold_token,
          min(CASE WHEN is_gold THEN rank END) AS gold_rank,
          max(CASE WHEN is_gold THEN probability END) AS gold_probability,
          -- In nats: over the kept actions, or estimated by the sample.
          -sum(CASE WHEN probability = 0 THEN 0 WHEN exploration = 'sampled' THEN weight * logprob
            ELSE probability * logprob END) AS entropy,
          min_by(action, rank) AS best_action, max(probability) AS best_probability,
          sum(weight * reward) AS mean_reward, sum(weight * advantage) AS mean_advantage,
          first(policy_version) AS policy_version, first(stage) AS stage,
          first(actions_per_group_kept) AS actions_per_group_kept,
          first(actions_per_group) AS actions_per_group
        FROM rollouts GROUP BY step, group_id
        """);
    // What the policy holds most probable where the text goes on with the gold token.
    SQL.put(
        "confusions",
        """
        SELECT step, gold, best_action, gold = best_action AS correct, count(*) AS groups,
          avg(best_probability) AS best_probability, avg(gold_probability) AS gold_probability
        FROM groups GROUP BY step, gold, best_action
        """);
    // Means over groups of each component, unweighted.
    SQL.put(
        "rewards",
        """
        SELECT step, stage, component, sum(weight * value) / count(DISTINCT group_id) AS mean,
          avg(CASE WHEN is_gold THEN value END) AS gold_mean, max(value) AS largest
        FROM (
          SELECT step, stage, group_id, is_gold, weight,
            explode(reward_components) AS (component, value)
          FROM rollouts)
        GROUP BY step, stage, component
        """);
    SQL.put(
        "progress",
        """
        SELECT step, count(*) AS groups, avg(CAST(coalesce(gold_rank, 0) = 1 AS INT)) AS accuracy,
          avg(mean_reward) AS mean_reward, avg(entropy) AS entropy,
          avg(gold_probability) AS gold_probability, first(policy_version) AS policy_version
        FROM groups GROUP BY step
        """);
  }

  private RolloutViews() {}
}
