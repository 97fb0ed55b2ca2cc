package io.avatarl.jobs;

import io.avatarl.config.UserError;
import io.avatarl.spark.Rollouts;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Prints a run's rollouts; see {@code jobs/rollouts.sh --help}. */
@Command(
    name = "jobs/rollouts.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Shows which actions the policy tried and which rewards they got. Without options: some"
            + " rollouts of the newest table. White space is shown as ␣ and ↵.",
    footer = {
      "",
      "Views for --sql: rollouts (one row per action), groups (per state), confusions (gold × most"
          + " probable action),",
      "rewards (component means), progress (per step), metrics (the records of training). For"
          + " example:",
      "  --sql \"SELECT * FROM progress ORDER BY step\""
    })
public final class RolloutsJob implements Callable<Integer> {
  private static final int WIDTH = 120;

  private final PrintStream out;

  @Parameters(paramLabel = "RUN", description = "a run's folder")
  private String run;

  @Option(
      names = "--step",
      paramLabel = "N",
      description = "rollouts of this step (default: the newest one with a table)")
  private Long step;

  @Option(names = "--group", paramLabel = "ID", description = "all rollouts of one state")
  private Long group;

  @Option(
      names = "--sql",
      paramLabel = "QUERY",
      description = "the result of a query over the views below")
  private String sql;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "most rows to show (default: ${DEFAULT-VALUE})")
  private int limit = 40;

  @Option(names = "--json", description = "one JSON object per line, with complete values")
  private boolean json;

  RolloutsJob(PrintStream out) {
    // Not every platform's character set has the table's symbols.
    this.out = new PrintStream(out, true, StandardCharsets.UTF_8);
  }

  public static void main(String[] args) {
    Job.main(new RolloutsJob(System.out), args);
  }

  @Override
  public Integer call() {
    if (limit < 1) {
      throw new UserError("--limit " + limit + ": it must be at least 1");
    }
    if (sql != null && (step != null || group != null)) {
      throw new UserError(
          "--sql cannot be combined with --step or --group; put them into the query");
    }
    Map<String, Object> settings =
        Map.of(
            "spark.ui.enabled",
            false,
            // The table has more columns than Spark prints in a plan; it would warn about that.
            "spark.sql.debug.maxToStringFields",
            100);
    try (Job.Session session = Job.Session.open("avatarl rollouts", settings)) {
      // A notebook's session may have views of the same names, which are common words.
      SparkSession spark = session.spark().newSession();
      // Spark 4's default: division by zero is an error instead of NULL.
      spark.conf().set("spark.sql.ansi.enabled", "true");
      if (sql == null) {
        rollouts(spark);
      } else {
        Rollouts.registerViews(spark, run);
        try {
          ReadingQuery.require(sql);
          print(spark.sql(sql));
        } catch (Exception e) {
          throw explained(e);
        }
      }
    }
    return 0;
  }

  private void rollouts(SparkSession spark) {
    List<Long> steps = Rollouts.steps(spark, run);
    if (step != null) {
      Rollouts.requireStep(spark, run, step);
    }
    Dataset<Row> all = Rollouts.read(spark, run);
    Dataset<Row> rows;
    if (group != null) {
      rows = all.where(functions.col("group_id").equalTo(group));
      if (step != null) {
        rows = rows.where(functions.col("step").equalTo(step));
      }
      if (rows.isEmpty()) {
        throw new UserError(
            run
                + ": no group "
                + group
                + (step == null ? "" : " in step " + step)
                + "; --sql \"SELECT step, group_id, context FROM groups\" lists all groups");
      }
    } else {
      long shown = step != null ? step : steps.get(steps.size() - 1);
      rows = all.where(functions.col("step").equalTo(shown));
      if (!json) {
        out.printf(
            Locale.ROOT,
            "%s: tables of %d steps (%d to %d); %,d rollouts in step %d%n",
            run,
            steps.size(),
            steps.get(0),
            steps.get(steps.size() - 1),
            rows.count(),
            shown);
      }
    }
    Dataset<Row> sorted = rows.orderBy("step", "group_id", "rank");
    if (json) {
      print(sorted);
      return;
    }
    if (group != null) {
      Row first = sorted.first();
      out.printf(
          Locale.ROOT,
          "step %d, group %d: %d of %d actions kept; policy version %d, %s%n%s ▸ %s%n%n",
          first.<Long>getAs("step"),
          group,
          first.<Integer>getAs("actions_per_group_kept"),
          first.<Integer>getAs("actions_per_group"),
          first.<Long>getAs("policy_version"),
          first.<String>getAs("exploration"),
          TextTable.visible(first.getAs("context")),
          TextTable.visible(first.getAs("gold")));
    }
    print(
        sorted.selectExpr(
            "step",
            "group_id AS group",
            "context",
            "gold",
            "rank",
            "action",
            "probability",
            "reward",
            "advantage",
            "IF(is_gold, '✓', '') AS `✓`"));
  }

  private void print(Dataset<Row> rows) {
    if (json) {
      rows.limit(limit).toJSON().collectAsList().forEach(row -> out.println(Terminal.json(row)));
      return;
    }
    // One more row than shown tells whether there are more.
    List<Row> collected = rows.limit(limit + 1).collectAsList();
    TextTable table = new TextTable(WIDTH, Arrays.asList(rows.columns()));
    for (Row row : collected.subList(0, Math.min(limit, collected.size()))) {
      List<String> cells = new ArrayList<>();
      for (int i = 0; i < row.size(); i++) {
        cells.add(cell(row.get(i)));
      }
      table.add(cells);
    }
    table.lines().forEach(out::println);
    if (collected.size() > limit) {
      out.println("... there are more; --limit N shows them");
    }
  }

  private static String cell(Object value) {
    if (value == null) {
      return "–";
    }
    if (value instanceof Double || value instanceof Float) {
      return number(((Number) value).doubleValue());
    }
    return TextTable.visible(value.toString());
  }

  private static String number(double x) {
    if (x == Math.rint(x) && Math.abs(x) < 1e6) {
      return String.format(Locale.ROOT, "%.0f", x);
    }
    return Math.abs(x) < 1e-3 || Math.abs(x) >= 1e6
        ? String.format(Locale.ROOT, "%.2e", x)
        : String.format(Locale.ROOT, "%.4f", x);
  }

  /** Spark's own errors (syntax, names, arithmetic) are errors of the query; others are not. */
  @SuppressWarnings("deprecation") // Spark 4 calls it getCondition; 3.5 only has this.
  private static RuntimeException explained(Exception e) {
    if (e instanceof UserError mistake) {
      return mistake;
    }
    for (Throwable t = e; t != null; t = t.getCause()) {
      if (t instanceof SparkThrowable s && s.getErrorClass() != null) {
        String line =
            String.valueOf(t.getMessage())
                .lines()
                .map(String::strip)
                .filter(l -> !l.isEmpty())
                .findFirst()
                .orElse(s.getErrorClass());
        return new UserError("--sql: " + line.replaceAll(" SQLSTATE: \\w+$", ""), e);
      }
    }
    return e instanceof RuntimeException r ? r : new IllegalStateException(e);
  }
}
