package io.avatarl.spark.table;

import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * The columns of the rollout table, in order. A group is the actions tried in one state, or what
 * the continuations of one context have at one position (then {@code context} is each row's own).
 * {@code step} counts from 1 and {@code group_id} through the run; {@code rank} is the action's
 * place in its group by probability, 1 the most probable; {@code reward_components} are unweighted;
 * {@code weight} is the action's share in its group's mean; {@code actions_per_group_kept} of
 * {@code actions_per_group} actions are in the table.
 */
public final class RolloutColumns {
  public static final StructType SCHEMA =
      new StructType()
          .add("step", DataTypes.LongType)
          .add("shard", DataTypes.IntegerType)
          .add("group_id", DataTypes.LongType)
          .add("position", DataTypes.IntegerType)
          .add("context", DataTypes.StringType)
          .add("context_tokens", DataTypes.createArrayType(DataTypes.IntegerType))
          .add("gold", DataTypes.StringType)
          .add("gold_token", DataTypes.IntegerType)
          .add("action", DataTypes.StringType)
          .add("action_tokens", DataTypes.createArrayType(DataTypes.IntegerType))
          .add("rank", DataTypes.IntegerType)
          .add("logprob", DataTypes.DoubleType)
          .add("probability", DataTypes.DoubleType)
          .add("reward", DataTypes.DoubleType)
          .add(
              "reward_components",
              DataTypes.createMapType(DataTypes.StringType, DataTypes.DoubleType))
          .add("advantage", DataTypes.DoubleType)
          .add("is_gold", DataTypes.BooleanType)
          .add("policy_version", DataTypes.LongType)
          .add("exploration", DataTypes.StringType)
          .add("stage", DataTypes.StringType)
          .add("weight", DataTypes.DoubleType)
          .add("actions_per_group_kept", DataTypes.IntegerType)
          .add("actions_per_group", DataTypes.IntegerType);

  private RolloutColumns() {}
}
