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
 * Tells queries that only read from other statements, by the result of Spark's own parser. Spark
 * runs a command or an insert as soon as it gets the text, so this check comes first.
 *
 * <p>The list has what reads, not what writes: a new statement of a later Spark is refused until it
 * is listed.
 */
final class ReadingQuery {
  /** The parser's nodes for everything that can be in a SELECT, including those of Spark 3.5. */
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

  /** Commands that only describe tables and functions; {@code DESCRIBE rollouts} is the first. */
  private static final Set<String> TELLING =
      Set.of(
          "DescribeColumn",
          "DescribeFunction",
          "DescribeRelation",
          "ShowColumns",
          "ShowFunctions",
          "ShowTables",
          "ShowViews");

  /** Functions that can call any static method of the JVM. */
  private static final Set<String> CALLING = Set.of("java_method", "reflect", "try_reflect");

  private ReadingQuery() {}

  /**
   * @throws UserError if the statement does more than read
   * @throws RuntimeException Spark's own, if the text cannot be parsed
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
    // The queries of WITH.
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
        "--sql: only queries that read are allowed (SELECT, WITH, VALUES, TABLE, DESCRIBE, SHOW,"
            + " EXPLAIN), and Spark parses this one as "
            + what
            + "; nothing was changed");
  }
}
