package io.avatarl.spark.table;

import static org.apache.parquet.schema.LogicalTypeAnnotation.stringType;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.BINARY;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.BOOLEAN;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.DOUBLE;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.INT32;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.INT64;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The columns of the rollout table: Spark's schema, from which the Parquet schema is derived. A
 * group is the actions tried in one state, or the tokens of one context's continuations at one
 * position (then {@code context} differs by row).
 */
public final class RolloutColumns {
  /** The partition column: it is in the folder's name and in no file. */
  private static final String STEP = "step";

  /** The columns in order, each with a comment that {@code DESCRIBE} shows. */
  public static final StructType SCHEMA =
      new StructType()
          .add(column(STEP, DataTypes.LongType, "training step, from 1"))
          .add(column("shard", DataTypes.IntegerType, "shard of the step, from 0"))
          .add(column("group_id", DataTypes.LongType, "number of the group, through the run"))
          .add(column("position", DataTypes.IntegerType, "of the state in its window, from 0"))
          .add(column("context", DataTypes.StringType, "the state: the text so far"))
          .add(
              column(
                  "context_tokens",
                  DataTypes.createArrayType(DataTypes.IntegerType),
                  "the state as tokens"))
          .add(column("gold", DataTypes.StringType, "the corpus's own next token, as text"))
          .add(column("gold_token", DataTypes.IntegerType, "the corpus's own next token"))
          .add(column("action", DataTypes.StringType, "the token that was tried, as text"))
          .add(
              column(
                  "action_tokens",
                  DataTypes.createArrayType(DataTypes.IntegerType),
                  "the token that was tried"))
          .add(
              column(
                  "rank",
                  DataTypes.IntegerType,
                  "the action's place in its group by probability, 1 the most probable"))
          .add(column("logprob", DataTypes.DoubleType, "natural logarithm of the probability"))
          .add(column("probability", DataTypes.DoubleType, "of the action, by the policy"))
          .add(column("reward", DataTypes.DoubleType, "weighted sum of the reward components"))
          .add(
              column(
                  "reward_components",
                  DataTypes.createMapType(DataTypes.StringType, DataTypes.DoubleType),
                  "unweighted value of each reward component"))
          .add(column("advantage", DataTypes.DoubleType, "of the reward, relative to the group"))
          .add(column("is_gold", DataTypes.BooleanType, "whether the action is the gold token"))
          .add(
              column(
                  "policy_version", DataTypes.LongType, "rounds behind the weights that explored"))
          .add(column("exploration", DataTypes.StringType, "how actions were chosen"))
          .add(column("stage", DataTypes.StringType, "stage of the curriculum"))
          .add(column("weight", DataTypes.DoubleType, "the action's share in its group's mean"))
          .add(
              column(
                  "actions_per_group_kept",
                  DataTypes.IntegerType,
                  "actions of the group that are in the table"))
          .add(column("actions_per_group", DataTypes.IntegerType, "actions tried in the group"))
          .add(
              column(
                  "group_entropy",
                  DataTypes.DoubleType,
                  "of the policy in the group's state, over all tokens, in nats; of continuations:"
                      + " estimated by the sample"))
          .add(
              column(
                  "group_mean_reward",
                  DataTypes.DoubleType,
                  "weighted mean over all actions of the group, kept or not"))
          .add(
              column(
                  "group_reward_std",
                  DataTypes.DoubleType,
                  "weighted standard deviation over all actions of the group"))
          .add(
              column(
                  "group_mean_advantage",
                  DataTypes.DoubleType,
                  "weighted mean over all actions of the group"))
          .add(
              column(
                  "group_mean_components",
                  DataTypes.createMapType(DataTypes.StringType, DataTypes.DoubleType),
                  "weighted mean of each reward component over all actions of the group"))
          .add(
              column(
                  "prompt",
                  DataTypes.StringType,
                  "the text that the action's continuation continues; of a single action, the state"))
          .add(
              column(
                  "continuation",
                  DataTypes.StringType,
                  "the whole continuation that the action is in; of a single action, the action"));

  private static final Set<String> FROM_REWARDS_ON =
      Set.of(
          "reward",
          "reward_components",
          "advantage",
          "actions_per_group_kept",
          "actions_per_group",
          "group_entropy",
          "group_mean_reward",
          "group_reward_std",
          "group_mean_advantage",
          "group_mean_components");

  /** Those whose values are known before rewards: what a reward may depend on. */
  public static final StructType BEFORE_REWARDS =
      DataTypes.createStructType(
          Arrays.stream(SCHEMA.fields())
              .filter(field -> !FROM_REWARDS_ON.contains(field.name()))
              .toList());

  /** Of these, those that all tokens of a continuation share. */
  static final Set<String> OF_CONTINUATION =
      Set.of(STEP, "shard", "policy_version", "exploration", "stage", "prompt", "continuation");

  private static final Map<DataType, PrimitiveTypeName> PRIMITIVES =
      Map.of(
          DataTypes.IntegerType, INT32,
          DataTypes.LongType, INT64,
          DataTypes.DoubleType, DOUBLE,
          DataTypes.BooleanType, BOOLEAN);

  /** The columns of a file: all but {@code step}, none of them ever null. */
  static final MessageType PARQUET =
      new MessageType(
          "rollout",
          Arrays.stream(SCHEMA.fields())
              .filter(field -> !field.name().equals(STEP))
              .map(field -> parquet(field.name(), field.dataType()))
              .toList());

  private RolloutColumns() {}

  private static StructField column(String name, DataType type, String comment) {
    return DataTypes.createStructField(name, type, true).withComment(comment);
  }

  /**
   * All columns in order, with comments; columns that the rows lack, because a later version added
   * them, are NULL.
   */
  public static Column[] of(Dataset<Row> rows) {
    List<String> there = List.of(rows.columns());
    return Arrays.stream(SCHEMA.fields())
        .map(
            field ->
                (there.contains(field.name())
                        ? functions.col(field.name())
                        : functions.lit(null).cast(field.dataType()))
                    .as(field.name(), field.metadata()))
        .toArray(Column[]::new);
  }

  private static Type parquet(String name, DataType type) {
    if (type instanceof ArrayType array) {
      return Types.requiredList()
          .setElementType(parquet("element", array.elementType()))
          .named(name);
    }
    if (type instanceof MapType map) {
      return Types.requiredMap()
          .key(parquet("key", map.keyType()))
          .value(parquet("value", map.valueType()))
          .named(name);
    }
    if (type.equals(DataTypes.StringType)) {
      return Types.required(BINARY).as(stringType()).named(name);
    }
    return Types.required(PRIMITIVES.get(type)).named(name);
  }
}
