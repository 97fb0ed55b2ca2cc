package io.avatarl.spark.table;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The SQL of the views over the rollout table; a view may use earlier ones.
 *
 * <p>Statistics of a group cover the whole group, from the table's {@code group_} columns. Tables
 * of versions without these columns have NULL there, unless they kept all actions of the group.
 * Only {@code largest_kept} covers just the actions that were kept.
 */
public final class RolloutViews {
  /** Views by name, in order of creation. */
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
          -- In nats.
          coalesce(first(group_entropy), CASE WHEN bool_and(actions_per_group_kept = actions_per_group)
            THEN -sum(CASE WHEN probability = 0 THEN 0
              WHEN exploration = 'sampled' THEN weight * logprob
              ELSE probability * logprob END) END) AS entropy,
          min_by(action, rank) AS best_action, max(probability) AS best_probability,
          coalesce(first(group_mean_reward), CASE WHEN
            bool_and(actions_per_group_kept = actions_per_group) THEN sum(weight * reward) END)
            AS mean_reward,
          first(group_reward_std) AS reward_std,
          coalesce(first(group_mean_advantage), CASE WHEN
            bool_and(actions_per_group_kept = actions_per_group) THEN sum(weight * advantage) END)
            AS mean_advantage,
          first(policy_version) AS policy_version, first(stage) AS stage,
          first(actions_per_group_kept) AS actions_per_group_kept,
          first(actions_per_group) AS actions_per_group
        FROM rollouts GROUP BY step, group_id
        """);
    // The policy's most probable action against the gold token.
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
        SELECT step, stage, component,
          -- The most probable action of a group is always kept.
          coalesce(avg(CASE WHEN rank = 1 THEN whole[component] END),
            CASE WHEN bool_and(is_whole) THEN sum(weight * value) / count(DISTINCT group_id) END)
            AS mean,
          avg(CASE WHEN is_gold THEN value END) AS gold_mean, max(value) AS largest_kept
        FROM (
          SELECT step, stage, group_id, rank, is_gold, weight, group_mean_components AS whole,
            actions_per_group_kept = actions_per_group AS is_whole,
            explode(reward_components) AS (component, value)
          FROM rollouts)
        GROUP BY step, stage, component
        """);
    SQL.put(
        "progress",
        """
        SELECT step, count(*) AS groups, avg(CAST(coalesce(gold_rank, 0) = 1 AS INT)) AS accuracy,
          avg(mean_reward) AS mean_reward, avg(reward_std) AS reward_std, avg(entropy) AS entropy,
          avg(gold_probability) AS gold_probability, first(policy_version) AS policy_version
        FROM groups GROUP BY step ORDER BY step
        """);
  }

  private RolloutViews() {}
}
