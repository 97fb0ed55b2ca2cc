package io.avatarl.spark.table;

import io.avatarl.files.Storage;
import io.avatarl.rollout.Continuation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * A rollout table of continuations that were scored elsewhere, one row each: the rollout table's
 * columns (the action is the whole continuation; there is no gold token), then {@code rollout},
 * {@code logprobs}, and the user's own columns. A user's column with a name of the table is
 * prefixed with {@code own_}.
 */
public final class ContinuationTable {
  private static final Set<String> RENAMED =
      Set.of(
          ContinuationColumns.PROMPT, // context
          ContinuationColumns.CONTINUATION, // action
          ContinuationColumns.GROUP,
          ContinuationColumns.SAMPLES,
          ContinuationColumns.CONTEXT_TOKENS,
          ContinuationColumns.ACTION_TOKENS,
          ContinuationColumns.LOGPROB,
          ContinuationColumns.VERSION,
          ContinuationColumns.STEP);

  private final StructType schema;
  private final List<Row> rows;

  private ContinuationTable(StructType schema, List<Row> rows) {
    this.schema = schema;
    this.rows = rows;
  }

  /** A statistic of a group's rewards. */
  private record Whole(double mean, double std, double meanAdvantage, double entropy) {}

  /**
   * Of a step.
   *
   * @param given the rows' schema
   * @param rows with the columns {@link ContinuationColumns#NEEDED} and {@code reward}
   * @param continuations of the rows, group by group
   * @param advantages of each
   * @param groups most groups to keep
   */
  public static ContinuationTable of(
      StructType given,
      List<Row> rows,
      List<Continuation> continuations,
      Map<Continuation, Double> advantages,
      int groups) {
    List<Integer> own = ownColumns(given);
    List<Row> kept = new ArrayList<>();
    int group = 0;
    for (int from = 0; from < rows.size() && group < groups; group++) {
      int samples = continuations.get(from).samples();
      List<Continuation> whole = continuations.subList(from, from + samples);
      List<Integer> ranks = ranks(whole);
      Whole figures = figures(whole, advantages);
      for (int i = 0; i < samples; i++) {
        Row row = rows.get(from + i);
        List<Object> values =
            standard(given, row, whole.get(i), ranks.indexOf(i) + 1, advantages, figures);
        own.forEach(place -> values.add(row.get(place)));
        kept.add(RowFactory.create(values.toArray()));
      }
      from += samples;
    }
    return new ContinuationTable(schema(given, own), kept);
  }

  private static List<Integer> ownColumns(StructType given) {
    List<Integer> own = new ArrayList<>();
    for (int i = 0; i < given.length(); i++) {
      String name = given.apply(i).name();
      boolean rewards =
          name.equals(ContinuationColumns.REWARD)
              && !(given.apply(i).dataType() instanceof ArrayType);
      if (!RENAMED.contains(name) && !rewards) {
        own.add(i);
      }
    }
    return own;
  }

  private static StructType schema(StructType given, List<Integer> own) {
    StructType schema = new StructType();
    Set<String> taken = new TreeSet<>();
    for (StructField field : RolloutColumns.SCHEMA.fields()) {
      taken.add(field.name());
      if (!field.name().equals(ContinuationColumns.STEP)) {
        schema = schema.add(field);
      }
    }
    for (int place : own) {
      StructField field = given.apply(place);
      String name = field.name().equals(ContinuationColumns.REWARD) ? "rewards" : field.name();
      while (!taken.add(name.toLowerCase(Locale.ROOT))) {
        name = "own_" + name;
      }
      schema = schema.add(name, field.dataType(), true, field.metadata());
    }
    return schema;
  }

  private static List<Integer> ranks(List<Continuation> group) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < group.size(); i++) {
      order.add(i);
    }
    order.sort(Comparator.comparingDouble(i -> -sum(group.get(i).logProbs())));
    return order;
  }

  private static double sum(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum;
  }

  private static Whole figures(List<Continuation> group, Map<Continuation, Double> advantages) {
    double mean = group.stream().mapToDouble(Continuation::meanReward).average().orElseThrow();
    double squares = 0;
    double entropy = 0;
    for (Continuation rollout : group) {
      squares += (rollout.meanReward() - mean) * (rollout.meanReward() - mean);
      entropy -= sum(rollout.logProbs()) / rollout.actions().length;
    }
    return new Whole(
        mean,
        Math.sqrt(squares / group.size()),
        group.stream().mapToDouble(advantages::get).average().orElseThrow(),
        entropy / group.size());
  }

  /** In the order of {@link RolloutColumns#SCHEMA}, without the step. */
  private static List<Object> standard(
      StructType given,
      Row row,
      Continuation rollout,
      int rank,
      Map<Continuation, Double> advantages,
      Whole whole) {
    Map<String, Object> values = new LinkedHashMap<>();
    double logProb = sum(rollout.logProbs());
    values.put("shard", 0);
    values.put("group_id", rollout.group());
    values.put("position", rollout.context().length - 1);
    values.put("context", text(given, row, ContinuationColumns.PROMPT));
    values.put("context_tokens", boxed(rollout.context()));
    values.put("gold", "");
    values.put("gold_token", -1);
    values.put("action", text(given, row, ContinuationColumns.CONTINUATION));
    values.put("action_tokens", boxed(rollout.actions()));
    values.put("rank", rank);
    values.put("logprob", logProb);
    values.put("probability", Math.exp(logProb));
    values.put("reward", rollout.meanReward());
    values.put("reward_components", Map.of("reward", rollout.meanReward()));
    values.put("advantage", advantages.get(rollout));
    values.put("is_gold", false);
    values.put("policy_version", rollout.version());
    values.put("exploration", "sampled");
    values.put("stage", "main");
    values.put("weight", 1.0 / rollout.samples());
    values.put("actions_per_group_kept", rollout.samples());
    values.put("actions_per_group", rollout.samples());
    values.put("group_entropy", whole.entropy);
    values.put("group_mean_reward", whole.mean);
    values.put("group_reward_std", whole.std);
    values.put("group_mean_advantage", whole.meanAdvantage);
    values.put("group_mean_components", Map.of("reward", whole.mean));
    List<Object> ordered = new ArrayList<>();
    for (StructField field : RolloutColumns.SCHEMA.fields()) {
      if (!field.name().equals(ContinuationColumns.STEP)) {
        ordered.add(values.get(field.name()));
      }
    }
    return ordered;
  }

  private static String text(StructType given, Row row, String name) {
    return Arrays.asList(given.fieldNames()).contains(name) ? row.getAs(name) : "";
  }

  private static Integer[] boxed(int[] tokens) {
    return Arrays.stream(tokens).boxed().toArray(Integer[]::new);
  }

  /**
   * Writes it as the rollout table of a step; replaces an earlier one.
   *
   * @param step from 1
   */
  public void write(SparkSession spark, Storage storage, String run, long step) {
    RolloutTable.replace(storage, run, step, spark.createDataFrame(rows, schema).coalesce(1));
  }
}
