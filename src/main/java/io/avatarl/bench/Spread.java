package io.avatarl.bench;

import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * A quantity from repeated runs.
 *
 * @param values in the order of the runs
 */
public record Spread(double median, double min, double max, List<Double> values) {
  /** The spread of at least one value. */
  public static Spread of(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int n = sorted.length;
    double median = n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    return new Spread(median, sorted[0], sorted[n - 1], List.copyOf(values));
  }

  /** The spread of a property of items. */
  public static <T> Spread of(List<T> items, ToDoubleFunction<T> figure) {
    return of(items.stream().map(figure::applyAsDouble).toList());
  }

  /**
   * The spread of the ratios this / other within each round, so that whatever slowed a whole round
   * cancels out. The median of ratios is not the ratio of medians.
   */
  public Spread over(Spread other) {
    int rounds = Math.min(values.size(), other.values.size());
    double[] ratios = new double[rounds];
    Arrays.setAll(ratios, i -> values.get(i) / other.values.get(i));
    return of(Arrays.stream(ratios).boxed().toList());
  }
}
