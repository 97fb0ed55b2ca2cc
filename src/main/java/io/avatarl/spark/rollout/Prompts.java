package io.avatarl.spark.rollout;

import io.avatarl.config.UserError;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Sha256;
import io.avatarl.spark.table.ContinuationColumns;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The prompts of a DataFrame, on the driver. The draws for a prompt depend on the seed, the step
 * and its text. Among equal texts, they also depend on its rank by the other columns. So neither
 * partitions nor their order matter.
 */
public final class Prompts {
  private static final int SHOWN = 40;

  /** Bits of a group's number; JSON numbers have no more. */
  private static final int GROUP_BITS = 53;

  /**
   * A prompt sent to a task. A plain class, because Kryo, which a session may use, fails on
   * records.
   */
  static final class Prompt implements Serializable {
    private static final long serialVersionUID = 1;

    private final Row row;
    private final int[] tokens;
    private final long group;
    private final long stream;

    private Prompt(Row row, int[] tokens, long group, long stream) {
      this.row = row;
      this.tokens = tokens;
      this.group = group;
      this.stream = stream;
    }

    /** The user's columns. */
    Row row() {
      return row;
    }

    /** Its last tokens, as many as the model sees. */
    int[] tokens() {
      return tokens;
    }

    /** Its number, derived from its text. */
    long group() {
      return group;
    }

    /** Creates its random stream. */
    long stream() {
      return stream;
    }
  }

  private final StructType schema;
  private final List<Prompt> prompts;

  private Prompts(StructType schema, List<Prompt> prompts) {
    this.schema = schema;
    this.prompts = prompts;
  }

  /**
   * Reads prompts.
   *
   * @param longest most tokens of a prompt that the model sees
   * @param step from 0
   * @throws UserError in one line, if a prompt cannot be continued
   */
  public static Prompts of(
      Dataset<Row> rows, Tokenizer tokenizer, int longest, long seed, long step) {
    StructType schema = rows.schema();
    int place = requireColumns(schema);
    List<Row> sorted = sorted(rows, place, tokenizer);
    if (sorted.isEmpty()) {
      throw new UserError("prompts: there are no rows; give at least one prompt");
    }
    List<Prompt> prompts = new ArrayList<>();
    Map<String, Integer> seen = new HashMap<>();
    Set<Long> groups = new HashSet<>();
    for (Row row : sorted) {
      String text = row.getString(place);
      int[] all = tokenizer.encode(text);
      int[] tokens = Arrays.copyOfRange(all, Math.max(0, all.length - longest), all.length);
      int occurrence = seen.merge(text, 1, Integer::sum) - 1;
      long hash = hash(occurrence == 0 ? text : text + "\0" + occurrence);
      prompts.add(
          new Prompt(
              row,
              tokens,
              group(seed, step, hash, groups),
              RandomStream.seed(seed, step, hash, RandomStream.Purpose.PROMPTS)));
    }
    prompts.sort(Comparator.comparingLong(Prompt::group));
    return new Prompts(schema, prompts);
  }

  /** A unique group number. */
  private static long group(long seed, long step, long hash, Set<Long> taken) {
    long bits = hash;
    do {
      bits = RandomStream.seed(seed, step, ~bits, RandomStream.Purpose.PROMPTS);
    } while (!taken.add(bits >>> Long.SIZE - GROUP_BITS));
    return bits >>> Long.SIZE - GROUP_BITS;
  }

  private static int requireColumns(StructType schema) {
    List<String> names = List.of(schema.fieldNames());
    int place = names.indexOf(ContinuationColumns.PROMPT);
    if (place < 0) {
      throw new UserError(
          "prompts: no column prompt; there are "
              + String.join(", ", names)
              + "; rename the one with the texts");
    }
    DataType type = schema.apply(place).dataType();
    if (!type.equals(DataTypes.StringType)) {
      throw new UserError(
          "prompts: column prompt is of type " + type.simpleString() + ", not string; cast it");
    }
    Set<String> taken = new HashSet<>();
    for (StructField field : ContinuationColumns.ADDED.fields()) {
      taken.add(field.name());
    }
    for (String name : names) {
      if (!taken.add(name.toLowerCase(Locale.ROOT))) {
        throw new UserError(
            "prompts: a column "
                + name
                + " exists already or is one that rollouts adds; rename it or leave it out");
      }
    }
    return place;
  }

  /** Sorts by text, then by the other columns. */
  private static List<Row> sorted(Dataset<Row> rows, int place, Tokenizer tokenizer) {
    Column[] columns =
        Arrays.stream(rows.columns())
            .map(name -> rows.col("`" + name.replace("`", "``") + "`"))
            .toArray(Column[]::new);
    int order = columns.length;
    List<Column> all = new ArrayList<>(List.of(columns));
    all.add(functions.to_json(functions.struct(columns)));
    List<Row> collected = rows.select(all.toArray(Column[]::new)).collectAsList();
    requireTexts(collected, place, tokenizer);
    return collected.stream()
        .sorted(
            Comparator.comparing((Row row) -> row.getString(place))
                .thenComparing(row -> row.getString(order)))
        .map(row -> RowFactory.create(IntStream.range(0, order).mapToObj(row::get).toArray()))
        .toList();
  }

  private static void requireTexts(List<Row> rows, int place, Tokenizer tokenizer) {
    long empty = 0;
    long unknown = 0;
    String first = "";
    for (Row row : rows) {
      String text = row.getString(place);
      if (text == null || text.isEmpty()) {
        empty++;
        continue;
      }
      try {
        tokenizer.encode(text);
      } catch (UserError e) {
        String shown = text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "…";
        first =
            unknown == 0 ? "\"" + shown.replaceAll("\\R", "↵") + "\": " + e.getMessage() : first;
        unknown++;
      }
    }
    if (empty + unknown > 0) {
      List<String> why = new ArrayList<>();
      if (empty > 0) {
        why.add(empty + " are NULL or empty");
      }
      if (unknown > 0) {
        why.add(unknown + " have characters that the model does not know (" + first + ")");
      }
      throw new UserError(
          "prompts: of "
              + rows.size()
              + ", "
              + String.join(", and ", why)
              + "; leave them out or correct them");
    }
  }

  private static long hash(String text) {
    String digest = Sha256.of(text.getBytes(StandardCharsets.UTF_8));
    return Long.parseUnsignedLong(digest.substring(0, 16), 16);
  }

  /** The user's columns, with which the tasks' rows begin. */
  StructType schema() {
    return schema;
  }

  /** Prompts by group number. */
  List<Prompt> list() {
    return prompts;
  }
}
