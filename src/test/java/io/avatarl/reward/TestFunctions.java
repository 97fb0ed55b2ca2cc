package io.avatarl.reward;

import java.util.Arrays;
import java.util.List;

/** Rewards as users write them, well and badly. */
public final class TestFunctions {
  private TestFunctions() {}

  /** 1 for the corpus's own text, as the component exact. */
  public static final class Exact implements RewardFunction {
    @Override
    public double[] score(List<Rollout> rollouts) {
      return rollouts.stream().mapToDouble(r -> r.action().equals(r.gold()) ? 1 : 0).toArray();
    }
  }

  /** Minus the log-probability of each token. */
  public static final class Surprise implements RewardFunction {
    @Override
    public double[] score(List<Rollout> rollouts) {
      return rollouts.stream()
          .flatMapToDouble(r -> Arrays.stream(r.logProbs()).map(p -> -p))
          .toArray();
    }
  }

  /** The length of the text times a parameter. */
  public static final class Length implements RewardFunction {
    private final double times;

    public Length(RewardParams params) {
      times = params.number("times", 1) * params.integer("whole", 1);
    }

    @Override
    public double[] score(List<Rollout> rollouts) {
      return rollouts.stream()
          .mapToDouble(r -> times * (r.context() + r.action()).length())
          .toArray();
    }
  }

  /** Does not keep to the contract, in the way that a parameter names. */
  public static final class Bad implements RewardFunction {
    private final String how;

    public Bad(RewardParams params) {
      how = params.text("how", "");
    }

    @Override
    public double[] score(List<Rollout> rollouts) {
      double[] values = new double[rollouts.size()];
      switch (how) {
        case "null" -> {
          return null;
        }
        case "short" -> {
          return new double[values.length - 1];
        }
        case "nan" -> values[1] = Double.NaN;
        case "infinite" -> values[0] = Double.POSITIVE_INFINITY;
        case "large" -> values[0] = 2e6;
        case "throws" -> throw new IllegalStateException("no\ndictionary");
        case "deep" -> deeper(1);
        default -> values[0] = 0;
      }
      return values;
    }

    private static int deeper(int level) {
      return deeper(level + 1) + 1;
    }
  }

  /** Cannot be made. */
  public static final class Hidden implements RewardFunction {
    private Hidden() {}

    @Override
    public double[] score(List<Rollout> rollouts) {
      return new double[rollouts.size()];
    }
  }

  /** Fails when it is made. */
  public static final class Failing implements RewardFunction {
    public Failing() {
      throw new IllegalArgumentException("no model");
    }

    @Override
    public double[] score(List<Rollout> rollouts) {
      return new double[rollouts.size()];
    }
  }
}
