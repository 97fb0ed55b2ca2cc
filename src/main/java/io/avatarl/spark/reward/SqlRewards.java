package io.avatarl.spark.reward;

import io.avatarl.config.CustomRewardConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.reward.CustomRewards;
import io.avatarl.reward.RolloutScorer;
import io.avatarl.spark.table.RolloutColumns;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.BoundReference;
import org.apache.spark.sql.catalyst.expressions.ExprId;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.PlanExpression;
import org.apache.spark.sql.catalyst.expressions.Unevaluable;
import org.apache.spark.sql.catalyst.plans.logical.LeafNode;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.trees.TreePattern;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.NumericType;
import scala.collection.Iterator;
import scala.collection.Seq;

/** Makes the components of a run that are SQL, and refuses those that cannot be rewards. */
public final class SqlRewards {
  private static final String COLUMN = "value";

  private SqlRewards() {}

  /**
   * The run's SQL components by their names, tried on some of the corpus.
   *
   * @throws UserError where an expression does not resolve, is not numeric, not deterministic, or
   *     needs more than one row
   */
  public static Map<String, RolloutScorer> of(
      SparkSession spark, TrainingConfig training, Corpus corpus) {
    Map<String, RolloutScorer> scorers = new LinkedHashMap<>();
    CustomRewards.weighed(training)
        .forEach(
            (name, config) -> {
              if (!config.sql().isEmpty()) {
                Expression expression = expression(spark, name, config);
                SqlReward scorer =
                    new SqlReward(name, config, training, corpus.tokenizer(), expression);
                CustomRewards.tryOut(scorer, training, corpus);
                scorers.put(name, scorer);
              }
            });
    return scorers;
  }

  /** The expression as a number, resolved, optimized and bound to the columns' positions. */
  static Expression expression(SparkSession spark, String name, CustomRewardConfig config) {
    String key = CustomRewards.key(name) + ".sql: ";
    // Not a relation of no rows, which the optimizer would leave nothing of.
    Dataset<Row> rows =
        spark.createDataFrame(
            JavaSparkContext.fromSparkContext(spark.sparkContext()).<Row>emptyRDD(),
            RolloutColumns.BEFORE_REWARDS);
    LogicalPlan analyzed;
    LogicalPlan optimized;
    try {
      Dataset<Row> value = rows.select(functions.expr(config.sql()).as(COLUMN));
      analyzed = value.queryExecution().analyzed();
      requireRewards(key, analyzed, value.schema().apply(0).dataType());
      optimized =
          value
              .select(functions.col(COLUMN).cast(DataTypes.DoubleType).as(COLUMN))
              .queryExecution()
              .optimizedPlan();
    } catch (UserError e) {
      throw e;
    } catch (Exception e) { // Spark's are checked, and not declared.
      throw new UserError(
          key
              + firstLine(e)
              + " The columns are "
              + String.join(", ", RolloutColumns.BEFORE_REWARDS.fieldNames()),
          e);
    }
    ExprId result = list(optimized.output()).get(0).exprId();
    Expression bound = outputs(optimized).get(result);
    if (bound == null || !bound.find(node -> node instanceof Unevaluable).isEmpty()) {
      throw new UserError(
          key + "can only be computed within a query; write an expression over one row");
    }
    return bound;
  }

  private static void requireRewards(String key, LogicalPlan plan, DataType type) {
    if (!(plan instanceof Project project)
        || !(project.child() instanceof LeafNode)
        || plan.expressions()
            .exists(e -> !e.find(node -> node instanceof PlanExpression).isEmpty())) {
      throw new UserError(
          key
              + "needs other rows than the rollout's own (a subquery, an aggregate, a window or a"
              + " generator); write an expression over one row");
    }
    if (plan.expressions()
        .exists(e -> !e.deterministic() || e.containsPattern(TreePattern.CURRENT_LIKE()))) {
      throw new UserError(
          key
              + "is not deterministic; a reward must be the same whenever and wherever it is computed");
    }
    if (!(type instanceof NumericType)) {
      throw new UserError(
          key
              + "is of type "
              + type.simpleString()
              + " and not a number"
              + (type.equals(DataTypes.BooleanType)
                  ? "; write CASE WHEN ... THEN 1 ELSE 0 END"
                  : ""));
    }
  }

  /** What each output of projections over the rows is made of, bound to the rows' positions. */
  private static Map<ExprId, Expression> outputs(LogicalPlan plan) {
    Map<ExprId, Expression> outputs = new HashMap<>();
    if (plan instanceof Project project) {
      Map<ExprId, Expression> inputs = outputs(project.child());
      for (NamedExpression output : list(project.projectList())) {
        Expression value = output instanceof Alias alias ? alias.child() : (Expression) output;
        outputs.put(output.exprId(), bound(value, inputs));
      }
    } else if (plan instanceof LeafNode) {
      int ordinal = 0;
      for (NamedExpression output : list(plan.output())) {
        Expression column = (Expression) output;
        outputs.put(
            output.exprId(), new BoundReference(ordinal++, column.dataType(), column.nullable()));
      }
    }
    return outputs;
  }

  private static Expression bound(Expression value, Map<ExprId, Expression> inputs) {
    return value instanceof AttributeReference input
        ? inputs.get(input.exprId())
        : value.mapChildren(child -> bound(child, inputs));
  }

  /** Positions of the columns that an expression reads. */
  static Set<Integer> ordinals(Expression bound) {
    Set<Integer> ordinals = new HashSet<>();
    bound.foreach(
        node -> {
          if (node instanceof BoundReference column) {
            ordinals.add(column.ordinal());
          }
          return null;
        });
    return ordinals;
  }

  private static <T> List<T> list(Seq<T> values) {
    List<T> list = new ArrayList<>();
    for (Iterator<T> all = values.iterator(); all.hasNext(); ) {
      list.add(all.next());
    }
    return list;
  }

  /** What an error of Spark says, in a line, without the plan and the codes for programs. */
  static String firstLine(Throwable e) {
    Throwable root = e;
    String message = root.getMessage() == null ? root.toString() : root.getMessage();
    String line = message.strip().lines().findFirst().orElse("");
    return line.replaceFirst("^\\[[A-Z_.]+]\\s*", "").replaceFirst("\\s*SQLSTATE: \\w+.*$", "");
  }
}
