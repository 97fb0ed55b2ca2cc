package io.avatarl.spark;

import io.avatarl.config.UserError;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The column of texts that a stage of Spark ML reads, by a name as Spark resolves it: in any case,
 * unless it is told not to.
 *
 * @param stage for errors
 * @param purpose what the stage does with the texts, as in "to continue"
 * @param input the column's name
 */
public record TextColumns(String stage, String purpose, String input) {
  /**
   * The column's place.
   *
   * @throws UserError where there is none, or none with texts
   */
  public int place(StructType schema) {
    Optional<Integer> place = find(schema, input);
    if (place.isEmpty()) {
      throw new UserError(
          stage
              + ": no column "
              + input
              + " "
              + purpose
              + "; there are "
              + String.join(", ", schema.fieldNames()));
    }
    StructField field = schema.apply(place.get());
    if (!field.dataType().equals(DataTypes.StringType)) {
      throw new UserError(
          stage
              + ": column "
              + input
              + " is of type "
              + field.dataType().simpleString()
              + ", not string; cast it or name another");
    }
    return place.get();
  }

  /** The column itself. */
  public StructField field(StructType schema) {
    return schema.apply(place(schema));
  }

  /**
   * The schema with another column of texts behind all others.
   *
   * @throws UserError as {@link #place}, or where that column is there already
   */
  public StructType added(StructType schema, String output) {
    place(schema);
    if (find(schema, output).isPresent()) {
      throw new UserError(
          stage + ": there is already a column " + output + "; setOutputCol to another name");
    }
    return schema.add(output, DataTypes.StringType, true);
  }

  private Optional<Integer> find(StructType schema, String name) {
    boolean exact = SQLConf.get().caseSensitiveAnalysis();
    int[] found =
        IntStream.range(0, schema.length())
            .filter(
                i ->
                    exact
                        ? schema.apply(i).name().equals(name)
                        : schema.apply(i).name().equalsIgnoreCase(name))
            .toArray();
    if (found.length > 1) {
      throw new UserError(
          stage + ": column " + name + " is ambiguous; rename all but one of these columns");
    }
    return found.length == 0 ? Optional.empty() : Optional.of(found[0]);
  }
}
