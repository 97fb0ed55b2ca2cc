package io.avatarl.spark.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.PythonVenv;
import io.avatarl.spark.Rollouts;
import io.avatarl.train.FinishedRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Other readers take {@code RUN/rollouts} as the folder it is, with {@code step} as a column; where
 * a Python is at hand, else skipped.
 */
class RolloutReadersTest {
  private static final String PACKAGES =
      "pandas==2.3.3 pyarrow==21.0.0 polars==1.33.1 duckdb==1.4.1";

  /** Rows and the sum of rewards of each step, by each reader. */
  private static final String READ =
      """
      import json, sys
      import duckdb, pandas, polars, pyarrow.dataset
      folder = sys.argv[1]
      def sums(frame):
          groups = frame.groupby("step")["reward"]
          return {str(int(s)): [int(n), float(r)] for s, n, r in zip(groups.size().index, groups.size(), groups.sum())}
      said = {
          "pandas": sums(pandas.read_parquet(folder)),
          "pyarrow": sums(pyarrow.dataset.dataset(folder, partitioning="hive").to_table().to_pandas()),
          "polars": {str(s): [n, r] for s, n, r in polars.read_parquet(folder, hive_partitioning=True)
                     .group_by("step").agg(polars.len(), polars.col("reward").cast(polars.Float64).sum().alias("r")).iter_rows()},
          "duckdb": {str(s): [n, r] for s, n, r in duckdb.sql(
              f"SELECT step, count(*), sum(reward::DOUBLE) FROM read_parquet('{folder}/**/*.parquet', hive_partitioning = true) GROUP BY step").fetchall()},
      }
      print(json.dumps(said))
      """;

  @TempDir Path folder;

  @Test
  void pandasPyarrowPolarsAndDuckdbReadTheFolder() throws Exception {
    String python =
        PythonVenv.with("readers-venv", "import duckdb, pandas, polars, pyarrow", PACKAGES);
    Path run;
    ObjectNode expected = new ObjectMapper().createObjectNode();
    try (SparkSession spark = FinishedRun.spark()) {
      run = FinishedRun.of(spark, folder, "rolloutTable.every=2");
      Rollouts.read(spark, run.toString()).createOrReplaceTempView("rows");
      List<Row> steps =
          spark
              .sql("SELECT step, count(*), sum(double(reward)) FROM rows GROUP BY step")
              .collectAsList();
      assertTrue(steps.size() > 2);
      for (Row step : steps) {
        expected
            .putArray(Long.toString(step.getLong(0)))
            .add(step.getLong(1))
            .add(step.getDouble(2));
      }
    }
    Path said = folder.resolve("said.json");
    Path errors = folder.resolve("errors.txt");
    Process process =
        new ProcessBuilder(python, "-c", READ, run.resolve("rollouts").toString())
            .redirectOutput(said.toFile())
            .redirectError(errors.toFile())
            .start();
    assertTrue(PythonVenv.ends(process, 3, TimeUnit.MINUTES));
    assertEquals(0, process.exitValue(), Files.readString(errors));
    JsonNode readers = new ObjectMapper().readTree(said.toFile());
    for (String reader : List.of("pandas", "pyarrow", "polars", "duckdb")) {
      JsonNode steps = readers.path(reader);
      assertEquals(expected.size(), steps.size(), reader);
      for (Map.Entry<String, JsonNode> step : expected.properties()) {
        JsonNode read = steps.path(step.getKey());
        assertEquals(step.getValue().get(0).asLong(), read.get(0).asLong(), reader);
        assertEquals(step.getValue().get(1).asDouble(), read.get(1).asDouble(), 1e-3, reader);
      }
    }
  }
}
