package io.avatarl.config;

import java.io.Serializable;
import java.util.Map;

/**
 * A reward component of the user's own: a class, or an SQL expression.
 *
 * @param className implements {@code io.avatarl.reward.RewardFunction}; else empty
 * @param sql an expression over the rollout table's columns that are known before rewards; else
 *     empty
 * @param weight as those of {@code reward.weights}
 * @param lowest value that it gives at least; one below ends the run
 * @param highest value that it gives at most; one above ends the run
 * @param params of the class, whatever it reads: numbers, texts, booleans, lists and maps of these
 */
public record CustomRewardConfig(
    @Key("class") String className,
    String sql,
    double weight,
    double lowest,
    double highest,
    Map<String, Object> params)
    implements Serializable {
  public CustomRewardConfig {
    Check.that(
        className.isEmpty() != sql.isEmpty(),
        "class",
        className.isEmpty()
            ? "is empty, and so is sql; give one of them"
            : "and sql are both given; leave out one of them");
    Check.that(
        sql.isEmpty() || params.isEmpty(),
        "params",
        "are for a class; write the values into the sql expression");
    Check.range("weight", weight, -1e6, 1e6);
    Check.range("lowest", lowest, -1e6, 1e6);
    Check.range("highest", highest, -1e6, 1e6);
    Check.that(lowest < highest, "lowest", lowest + " is not below highest = " + highest);
  }
}
