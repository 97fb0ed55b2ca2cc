package io.avatarl.spark.reward;

import io.avatarl.config.CustomRewardConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.reward.CustomRewards;
import io.avatarl.reward.RolloutOrigin;
import io.avatarl.reward.RolloutScorer;
import io.avatarl.rollout.Groups;
import io.avatarl.spark.table.RolloutColumns;
import io.avatarl.spark.table.RolloutValues;
import java.util.Arrays;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeArrayData;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenFallback;
import org.apache.spark.unsafe.types.UTF8String;

/** A component whose values an SQL expression gives, over the rows that the rollout table has. */
final class SqlReward implements RolloutScorer {
  private static final long serialVersionUID = 1;

  private final String name;
  private final CustomRewardConfig config;
  private final TrainingConfig training;
  private final Tokenizer tokenizer;
  private final Expression expression;
  private final String[] columns;
  private final boolean interpreted;

  /**
   * @param expression of type double, bound to the positions of {@link
   *     RolloutColumns#BEFORE_REWARDS}
   */
  SqlReward(
      String name,
      CustomRewardConfig config,
      TrainingConfig training,
      Tokenizer tokenizer,
      Expression expression) {
    this.name = name;
    this.config = config;
    this.training = training;
    this.tokenizer = tokenizer;
    this.expression = expression;
    Set<Integer> used = SqlRewards.ordinals(expression);
    // Null where nobody reads the column.
    this.columns = RolloutColumns.BEFORE_REWARDS.fieldNames();
    for (int i = 0; i < columns.length; i++) {
      columns[i] = used.contains(i) ? columns[i] : null;
    }
    this.interpreted = !expression.find(node -> node instanceof CodegenFallback).isEmpty();
  }

  @Override
  public float[] score(Groups groups, RolloutOrigin origin) {
    if (interpreted) {
      // Such a node keeps what it works on in itself, and all tasks of a JVM share it.
      synchronized (expression) {
        return values(groups, origin);
      }
    }
    return values(groups, origin);
  }

  private float[] values(Groups groups, RolloutOrigin origin) {
    RolloutValues rows = new RolloutValues(training, tokenizer, origin, groups);
    boolean oncePerRow =
        Arrays.stream(columns).allMatch(column -> column == null || rows.isOfWholeRow(column));
    UnsafeProjection projection = UnsafeProjection.create(expression);
    GenericInternalRow input = new GenericInternalRow(columns.length);
    float[] values = new float[rows.entries()];
    int repeats = oncePerRow ? rows.entriesPerRow() : 1;
    for (int entry = 0; entry < values.length; entry += repeats) {
      for (int i = 0; i < columns.length; i++) {
        if (columns[i] != null) {
          input.update(i, inSpark(rows.get(columns[i], entry)));
        }
      }
      UnsafeRow output = evaluate(projection, input, groups, entry);
      if (output.isNullAt(0)) {
        throw new UserError(
            CustomRewards.key(name)
                + ".sql: gave NULL for "
                + CustomRewards.quoted(groups, tokenizer, entry)
                + "; write what it is worth there, as in ELSE 0 or coalesce(..., 0)");
      }
      float value =
          CustomRewards.checked(name, config, output.getDouble(0), groups, tokenizer, entry);
      Arrays.fill(values, entry, entry + repeats, value);
    }
    return values;
  }

  private UnsafeRow evaluate(
      UnsafeProjection projection, GenericInternalRow input, Groups groups, int entry) {
    try {
      return projection.apply(input);
    } catch (Exception e) { // Spark throws checked ones, too.
      throw new UserError(
          CustomRewards.key(name)
              + ".sql: failed for "
              + CustomRewards.quoted(groups, tokenizer, entry)
              + ": "
              + SqlRewards.firstLine(e),
          e);
    }
  }

  private static Object inSpark(Object value) {
    if (value instanceof String text) {
      return UTF8String.fromString(text);
    }
    return value instanceof int[] array ? UnsafeArrayData.fromPrimitiveArray(array) : value;
  }
}
