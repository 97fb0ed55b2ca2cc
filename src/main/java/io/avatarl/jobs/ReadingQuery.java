package io.avatarl.jobs;

import io.avatarl.config.UserError;
import java.util.Locale;
import java.util.Set;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.QueryPlan;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.execution.SparkSqlParser;
import org.apache.spark.sql.execution.command.DescribeQueryCommand;
import org.apache.spark.sql.execution.command.ExplainCommand;
import scala.collection.Iterator;

/**
 * Tells a query that reads from every other statement, by what Spark's own parser makes of the
 * text. Spark runs a command or an insert as soon as it is given the text, so this is asked before.
 *
 * <p>What reads is listed, not what writes: a statement of a newer Spark is refused until it is
 * known.
 */
final class ReadingQuery {
  /** The parser's nodes for all that can stand in a SELECT; also in one of Spark 3.5. */
  private static final Set<String> READING =
      Set.of(
          "Aggregate",
          "AsOfJoin",
          "CTERelationRef",
          "Distinct",
          "Except",
          "Expand",
          "Filter",
          "Generate",
          "GlobalLimit",
          "Intersect",
          "Join",
          "LateralJoin",
          "LocalLimit",
          "LocalRelation",
          "Offset",
          "OneRowRelation",
          "Pivot",
          "Project",
          "Range",
          "RelationTimeTravel",
          "Repartition",
          "RepartitionByExpression",
          "RebalancePartitions",
          "ResolvedInlineTable",
          "Sample",
          "Sort",
          "SubqueryAlias",
          "Tail",
          "Union",
          "Unpivot",
          "UnresolvedHaving",
          "UnresolvedHint",
          "UnresolvedInlineTable",
          "UnresolvedRelation",
          "UnresolvedSubqueryColumnAliases",
          "UnresolvedTVFAliases",
          "UnresolvedTableValuedFunction",
          "UnresolvedWith",
          "Window",
          "WithWindowDefinition");

  /** Commands that only tell of tables and functions; {@code DESCRIBE rollouts} is the first. */
  private static final Set<String> TELLING =
      Set.of(
          "DescribeColumn",
          "DescribeFunction",
          "DescribeRelation",
          "ShowColumns",
          "ShowFunctions",
          "ShowTables",
          "ShowViews");

  /** Functions that run any static method of the JVM. */
  private static final Set<String> CALLING = Set.of("java_method", "reflect", "try_reflect");

  private ReadingQuery() {}

  /**
   * @throws UserError where the statement is none that reads
   * @throws RuntimeException Spark's own, where the text is no statement
   */
  static void require(String sql) {
    LogicalPlan statement = new SparkSqlParser().parsePlan(sql);
    if (statement instanceof ExplainCommand explain) {
      statement = explain.logicalPlan();
    } else if (statement instanceof DescribeQueryCommand describe) {
      statement = describe.plan();
    }
    if (!TELLING.contains(name(statement))) {
      requirePlan(statement);
    }
  }

  private static void requirePlan(QueryPlan<?> plan) {
    if (!READING.contains(name(plan))) {
      throw refused(name(plan));
    }
    each(plan.children());
    // The queries behind WITH.
    each(plan.innerChildren());
    each(plan.expressions());
  }

  private static void each(scala.collection.Iterable<?> nodes) {
    for (Iterator<?> i = nodes.iterator(); i.hasNext(); ) {
      Object node = i.next();
      if (node instanceof QueryPlan<?> plan) {
        requirePlan(plan);
      } else if (node instanceof Expression expression) {
        if (expression instanceof UnresolvedFunction function) {
          String called = String.valueOf(function.nameParts().last()).toLowerCase(Locale.ROOT);
          if (CALLING.contains(called)) {
            throw refused(called);
          }
        }
        each(expression.children());
        // A subquery's plan.
        each(((TreeNode<?>) expression).innerChildren());
        if (expression
            instanceof org.apache.spark.sql.catalyst.expressions.PlanExpression<?> subquery) {
          requirePlan(subquery.plan());
        }
      }
    }
  }

  private static String name(Object node) {
    return node.getClass().getSimpleName().replace("$", "");
  }

  private static UserError refused(String what) {
    return new UserError(
        "--sql: only queries that read are run (SELECT, WITH, VALUES, TABLE, DESCRIBE, SHOW,"
            + " EXPLAIN), and Spark reads this one as "
            + what
            + "; nothing was changed");
  }
}
