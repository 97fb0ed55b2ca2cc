package io.avatarl.spark.table;

import java.util.List;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * The columns of a DataFrame of continuations, one row each: after those of the prompts, named as
 * in the rollout table where it has such a column.
 */
public final class ContinuationColumns {
  /** The user's column with the text to continue. */
  public static final String PROMPT = "prompt";

  public static final String CONTINUATION = "continuation";
  public static final String GROUP = "group_id";
  public static final String ROLLOUT = "rollout";
  public static final String SAMPLES = "actions_per_group";
  public static final String CONTEXT_TOKENS = "context_tokens";
  public static final String ACTION_TOKENS = "action_tokens";
  public static final String LOGPROBS = "logprobs";
  public static final String LOGPROB = "logprob";
  public static final String VERSION = "policy_version";
  public static final String STEP = "step";

  /** The column that the user adds. */
  public static final String REWARD = "reward";

  /** The columns that {@code rollouts} adds to those of the prompts. */
  public static final StructType ADDED =
      new StructType()
          .add(CONTINUATION, DataTypes.StringType, false, "the text that was drawn")
          .add(GROUP, DataTypes.LongType, false, "the same for all continuations of a prompt")
          .add(ROLLOUT, DataTypes.IntegerType, false, "number in the group, from 0")
          .add(SAMPLES, DataTypes.IntegerType, false, "continuations of the prompt")
          .add(
              CONTEXT_TOKENS,
              DataTypes.createArrayType(DataTypes.IntegerType, false),
              false,
              "the last tokens of the prompt, as many as the model saw")
          .add(
              ACTION_TOKENS,
              DataTypes.createArrayType(DataTypes.IntegerType, false),
              false,
              "the continuation as tokens")
          .add(
              LOGPROBS,
              DataTypes.createArrayType(DataTypes.DoubleType, false),
              false,
              "natural logarithms of its tokens' probabilities")
          .add(LOGPROB, DataTypes.DoubleType, false, "their sum")
          .add(VERSION, DataTypes.LongType, false, "rounds behind the weights that drew it")
          .add(STEP, DataTypes.LongType, false, "training step that it was drawn for, from 1");

  /** The columns that learning needs, besides the reward. */
  public static final List<String> NEEDED =
      List.of(GROUP, ROLLOUT, SAMPLES, CONTEXT_TOKENS, ACTION_TOKENS, LOGPROBS, VERSION);

  private ContinuationColumns() {}
}
