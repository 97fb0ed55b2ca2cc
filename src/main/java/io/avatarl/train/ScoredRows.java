package io.avatarl.train;

import io.avatarl.config.UserError;
import io.avatarl.rollout.Continuation;
import io.avatarl.spark.table.ContinuationColumns;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Continuations with rewards from the user's DataFrame, computed once and checked. If rows are
 * invalid, one line counts all of them, and nothing is learned.
 *
 * @param schema of {@code rows}: all columns of the DataFrame; those that learning needs are cast
 *     to their types
 * @param rows sorted by version, group and rollout
 * @param continuations those of the rows
 */
record ScoredRows(StructType schema, List<Row> rows, List<Continuation> continuations) {
  private static final Map<String, DataType> TYPES =
      Map.of(
          ContinuationColumns.GROUP, DataTypes.LongType,
          ContinuationColumns.ROLLOUT, DataTypes.IntegerType,
          ContinuationColumns.SAMPLES, DataTypes.IntegerType,
          ContinuationColumns.VERSION, DataTypes.LongType,
          ContinuationColumns.CONTEXT_TOKENS, DataTypes.createArrayType(DataTypes.IntegerType),
          ContinuationColumns.ACTION_TOKENS, DataTypes.createArrayType(DataTypes.IntegerType),
          ContinuationColumns.LOGPROBS, DataTypes.createArrayType(DataTypes.DoubleType));

  /**
   * What rows are allowed.
   *
   * @param source what errors call the rows
   * @param newest version of the policy
   * @param oldest version that is allowed
   * @param vocabulary V
   * @param context longest prompt and continuation together, without the last token
   * @param negative whether rewards may be below 0
   */
  record Limits(
      String source, long newest, long oldest, int vocabulary, int context, boolean negative) {}

  /** Why a row cannot be learned from. */
  private enum Fault {
    REWARD("have a reward that is NULL, NaN or infinite"),
    REWARDS("have another number of rewards than tokens"),
    NEGATIVE(
        "have a reward below 0, by which maxrl would divide (set advantage.estimator = grpo or"
            + " dr-grpo)"),
    VERSION("are of a policy version that is not allowed"),
    DOUBLED("are there more than once"),
    TORN("are not as rollouts made them");

    private final String says;

    Fault(String says) {
      this.says = says;
    }
  }

  /** Sorts, because the same rows must give the same bits in any order. */
  static ScoredRows read(Dataset<Row> scored, Limits limits) {
    StructType given = scored.schema();
    List<Column> columns = columns(given, limits.source());
    Dataset<Row> typed = scored.select(columns.toArray(Column[]::new));
    Reader reader = new Reader(typed.schema(), limits);
    List<Row> collected = typed.collectAsList();
    collected.forEach(reader::add);
    return reader.sorted(collected.size());
  }

  private static List<Column> columns(StructType given, String source) {
    List<String> names = List.of(given.fieldNames());
    List<String> missing = new ArrayList<>(ContinuationColumns.NEEDED);
    missing.add(ContinuationColumns.REWARD);
    missing.removeAll(names);
    if (!missing.isEmpty()) {
      throw new UserError(
          source
              + ": no column "
              + String.join(", ", missing)
              + "; add reward to the columns of rollouts and keep the others (there are "
              + String.join(", ", names)
              + ")");
    }
    if (new HashSet<>(names).size() < names.size()) {
      throw new UserError(source + ": two columns have the same name; drop or rename one");
    }
    DataType reward = given.apply(ContinuationColumns.REWARD).dataType();
    DataType element = reward instanceof ArrayType array ? array.elementType() : reward;
    if (!(element instanceof NumericType || element.equals(DataTypes.BooleanType))) {
      throw new UserError(
          source
              + ": column reward is of type "
              + reward.simpleString()
              + ", neither a number nor an array of numbers; cast it");
    }
    List<Column> columns = new ArrayList<>();
    for (StructField field : given.fields()) {
      String name = field.name();
      Column column = functions.col("`" + name.replace("`", "``") + "`");
      DataType type = TYPES.get(name);
      if (name.equals(ContinuationColumns.REWARD)) {
        type =
            reward instanceof ArrayType
                ? DataTypes.createArrayType(DataTypes.DoubleType)
                : DataTypes.DoubleType;
      }
      columns.add(type == null ? column : column.cast(type).as(name));
    }
    return columns;
  }

  /** Mean reward of the continuations: the number, or the mean over their tokens. */
  double meanReward() {
    return continuations.stream().mapToDouble(Continuation::meanReward).average().orElseThrow();
  }

  /** By how many versions the rows are older than this one, on average. */
  double staleness(long version) {
    return continuations.stream().mapToLong(r -> version - r.version()).average().orElse(0);
  }

  private record Place(long version, long group) {}

  private static final class Reader {
    private final StructType schema;
    private final Limits limits;
    private final Map<Fault, Integer> faults = new LinkedHashMap<>();
    private final Set<Long> versions = new TreeSet<>();
    private final List<Map.Entry<Row, Continuation>> good = new ArrayList<>();
    private final Map<Place, Set<Integer>> seen = new LinkedHashMap<>();
    private final Map<Place, Integer> samples = new LinkedHashMap<>();

    Reader(StructType schema, Limits limits) {
      this.schema = schema;
      this.limits = limits;
    }

    private void fault(Fault fault) {
      faults.merge(fault, 1, Integer::sum);
    }

    void add(Row row) {
      for (String name : ContinuationColumns.NEEDED) {
        if (row.isNullAt(schema.fieldIndex(name))) {
          fault(Fault.TORN);
          return;
        }
      }
      long version = row.getAs(ContinuationColumns.VERSION);
      Place place = new Place(version, row.getAs(ContinuationColumns.GROUP));
      int rollout = row.getAs(ContinuationColumns.ROLLOUT);
      int k = row.getAs(ContinuationColumns.SAMPLES);
      samples.merge(place, k, Math::max);
      if (!seen.computeIfAbsent(place, p -> new HashSet<>()).add(rollout)) {
        fault(Fault.DOUBLED);
        return;
      }
      if (version > limits.newest() || version < limits.oldest()) {
        versions.add(version);
        fault(Fault.VERSION);
        return;
      }
      int[] context = ints(row, ContinuationColumns.CONTEXT_TOKENS);
      int[] actions = ints(row, ContinuationColumns.ACTION_TOKENS);
      double[] logProbs = doubles(row, ContinuationColumns.LOGPROBS);
      if (isTorn(rollout, k, context, actions, logProbs)) {
        fault(Fault.TORN);
        return;
      }
      double[] rewards = rewards(row, actions.length);
      if (rewards.length != actions.length) {
        fault(Fault.REWARDS);
      } else if (Arrays.stream(rewards).anyMatch(r -> !Float.isFinite((float) r))) {
        fault(Fault.REWARD);
      } else if (!limits.negative() && Arrays.stream(rewards).anyMatch(r -> r < 0)) {
        fault(Fault.NEGATIVE);
      } else {
        good.add(
            Map.entry(
                row,
                new Continuation(
                    version,
                    place.group(),
                    rollout,
                    k,
                    context,
                    actions,
                    floats(logProbs),
                    floats(rewards))));
      }
    }

    private boolean isTorn(int rollout, int k, int[] context, int[] actions, double[] logProbs) {
      return context.length == 0
          || actions.length == 0
          || context.length + actions.length - 1 > limits.context()
          || logProbs.length != actions.length
          || rollout < 0
          || rollout >= k
          || Arrays.stream(context).anyMatch(t -> t < 0 || t >= limits.vocabulary())
          || Arrays.stream(actions).anyMatch(t -> t < 0 || t >= limits.vocabulary())
          || Arrays.stream(logProbs).anyMatch(p -> !(p <= 1e-3) || Double.isInfinite(p));
    }

    /** A single number is the reward of every token. */
    private double[] rewards(Row row, int tokens) {
      int place = schema.fieldIndex(ContinuationColumns.REWARD);
      if (schema.apply(place).dataType() instanceof ArrayType) {
        return row.isNullAt(place) ? filled(tokens, Double.NaN) : doubles(row, "reward");
      }
      return filled(tokens, row.isNullAt(place) ? Double.NaN : row.getDouble(place));
    }

    private static double[] filled(int length, double value) {
      double[] values = new double[length];
      Arrays.fill(values, value);
      return values;
    }

    private int[] ints(Row row, String name) {
      return row.<Integer>getList(schema.fieldIndex(name)).stream()
          .mapToInt(token -> token == null ? -1 : token)
          .toArray();
    }

    private double[] doubles(Row row, String name) {
      return row.<Double>getList(schema.fieldIndex(name)).stream()
          .mapToDouble(value -> value == null ? Double.NaN : value)
          .toArray();
    }

    private static float[] floats(double[] values) {
      float[] floats = new float[values.length];
      for (int i = 0; i < values.length; i++) {
        floats[i] = (float) values[i];
      }
      return floats;
    }

    ScoredRows sorted(int count) {
      if (count == 0) {
        throw new UserError(limits.source() + ": there are no rows; nothing was learned");
      }
      int missing = 0;
      for (Map.Entry<Place, Integer> group : samples.entrySet()) {
        missing += Math.max(0, group.getValue() - seen.get(group.getKey()).size());
      }
      if (missing > 0 || !faults.isEmpty()) {
        throw new UserError(complaint(count, missing));
      }
      good.sort(
          Comparator.<Map.Entry<Row, Continuation>>comparingLong(e -> e.getValue().version())
              .thenComparingLong(e -> e.getValue().group())
              .thenComparingInt(e -> e.getValue().rollout()));
      requireWholeGroups();
      return new ScoredRows(
          schema,
          good.stream().map(Map.Entry::getKey).toList(),
          good.stream().map(Map.Entry::getValue).toList());
    }

    private String complaint(int count, int missing) {
      List<String> parts = new ArrayList<>();
      if (missing > 0) {
        parts.add(missing + " more are missing from their groups");
      }
      faults.forEach(
          (fault, rows) ->
              parts.add(
                  rows
                      + " "
                      + fault.says
                      + (fault == Fault.VERSION
                          ? String.format(
                              " (%s; the policy is version %d, rollout.maxStaleness = %d)",
                              versions.stream().limit(5).map(String::valueOf).toList(),
                              limits.newest(),
                              limits.newest() - limits.oldest())
                          : "")));
      return limits.source()
          + ": of "
          + count
          + " rows, "
          + String.join(", ", parts)
          + "; nothing was learned";
    }

    /** The rollouts of a group must have the same prompt, length and K. */
    private void requireWholeGroups() {
      int torn = 0;
      for (int i = 1; i < good.size(); i++) {
        Continuation a = good.get(i - 1).getValue();
        Continuation b = good.get(i).getValue();
        boolean together = a.version() == b.version() && a.group() == b.group();
        torn +=
            together
                    && (a.samples() != b.samples()
                        || a.actions().length != b.actions().length
                        || !Arrays.equals(a.context(), b.context()))
                ? 1
                : 0;
      }
      if (torn > 0) {
        faults.put(Fault.TORN, torn);
        throw new UserError(complaint(good.size(), 0));
      }
    }
  }
}
