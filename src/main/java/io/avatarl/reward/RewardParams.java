package io.avatarl.reward;

import io.avatarl.config.UserError;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * The section {@code params} of a custom component, as its {@link RewardFunction} reads it. A value
 * of the wrong type is refused in a line that names its key, and so is a key that the function's
 * constructor has not asked for, which may be mistyped.
 */
public final class RewardParams {
  private final String path;
  private final Map<String, Object> values;
  private final TreeSet<String> asked = new TreeSet<>();

  /**
   * @param path of the section, for errors
   * @param values numbers, texts, booleans, lists and maps of these
   */
  public RewardParams(String path, Map<String, ?> values) {
    this.path = path;
    this.values = Map.copyOf(values);
  }

  /** A whole number. */
  public int integer(String key, int otherwise) {
    Object value = get(key, otherwise);
    double number = value instanceof Number n ? n.doubleValue() : Double.NaN;
    if (number != Math.rint(number) || Math.abs(number) > Integer.MAX_VALUE) {
      throw wrong(key, value, "a whole number of 32 bits");
    }
    return (int) number;
  }

  /** A number. */
  public double number(String key, double otherwise) {
    Object value = get(key, otherwise);
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    throw wrong(key, value, "a number");
  }

  /** A text; what else stands there, as it is written. */
  public String text(String key, String otherwise) {
    Object value = get(key, otherwise);
    if (value instanceof List || value instanceof Map) {
      throw wrong(key, value, "a text");
    }
    return value.toString();
  }

  /** Texts of a list; empty where there is none. */
  public List<String> texts(String key) {
    Object value = get(key, List.of());
    if (value instanceof List<?> list) {
      return list.stream().map(String::valueOf).toList();
    }
    throw wrong(key, value, "a list [ ... ]");
  }

  /** A value of any kind. */
  private Object get(String key, Object otherwise) {
    asked.add(key);
    Object value = values.get(key);
    return value == null ? otherwise : value;
  }

  /** Refuses keys that nobody has asked for. */
  void requireAllAsked() {
    TreeSet<String> left = new TreeSet<>(values.keySet());
    left.removeAll(asked);
    if (!left.isEmpty()) {
      throw new UserError(
          path
              + "."
              + left.first()
              + ": the class does not read it, "
              + (asked.isEmpty() ? "it reads none" : "it reads " + String.join(", ", asked))
              + "; correct its name or leave it out");
    }
  }

  private UserError wrong(String key, Object value, String expected) {
    return new UserError(path + "." + key + ": " + value + " is not " + expected);
  }
}
