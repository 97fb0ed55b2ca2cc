package io.avatarl.reward;

import io.avatarl.config.AdvantageConfig;
import io.avatarl.config.CustomRewardConfig;
import io.avatarl.config.RewardConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramModel;
import io.avatarl.rollout.FrozenPolicy;
import io.avatarl.rollout.Groups;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The reward of an action: the weighted sum of its components. One object serves all stages of a
 * curriculum: it holds every component that any stage uses.
 */
public final class Rewards implements Serializable {
  /**
   * What components are built from.
   *
   * @param corpus source of statistics, which are counted in its training split only
   * @param counts n-grams of the training split
   * @param referee the frozen policy, if one is configured
   * @param sql the custom components that are SQL expressions, by name
   */
  public record Sources(
      RewardConfig config,
      Corpus corpus,
      NgramCounts counts,
      Optional<FrozenPolicy> referee,
      Map<String, RolloutScorer> sql) {
    /** Of rewards without SQL. */
    public Sources(
        RewardConfig config, Corpus corpus, NgramCounts counts, Optional<FrozenPolicy> referee) {
      this(config, corpus, counts, referee, Map.of());
    }

    private RolloutScorer scorer(String name) {
      CustomRewardConfig custom = config.custom().get(name);
      if (custom == null) {
        return new BuiltIn(REGISTRY.get(name).factory().make(this));
      }
      if (custom.sql().isEmpty()) {
        return new FunctionReward(name, custom, corpus.tokenizer());
      }
      return Optional.ofNullable(sql.get(name))
          .orElseThrow(() -> new UserError(CustomRewards.key(name) + ": SQL needs Spark"));
    }

    private NgramModel ngrams(int order) {
      return new NgramModel(counts, order);
    }
  }

  private record BuiltIn(RewardComponent component) implements RolloutScorer {
    @Override
    public float[] score(Groups groups, RolloutOrigin origin) {
      return component.score(groups);
    }
  }

  private interface Factory {
    RewardComponent make(Sources sources);
  }

  /** The range of a component's values. */
  private record Range(double lowest, double highest) {
    /** The lowest value of the weighted component. */
    double lowest(double weight) {
      return weight * (weight > 0 ? lowest : highest);
    }
  }

  private interface Bounds {
    Range of(RewardConfig config);
  }

  /** A component's bounds and factory, before there is a corpus. */
  private record Kind(Bounds bounds, Factory factory) {}

  private static void register(String name, Bounds bounds, Factory factory) {
    REGISTRY.put(name, new Kind(bounds, factory));
  }

  private static Bounds between(double lowest, double highest) {
    return config -> new Range(lowest, highest);
  }

  /** Every component there is, by its key under {@code reward.weights}. */
  private static final Map<String, Kind> REGISTRY = new TreeMap<>();

  static {
    register("exact", between(0, 1), sources -> new ExactMatch());
    List<String> orders = List.of("bigram", "trigram", "fourgram", "fivegram");
    for (int i = 0; i < orders.size(); i++) {
      int order = i + 2;
      register(
          orders.get(i), between(0, 1), sources -> new NgramCredit(sources.ngrams(order), false));
      register(
          orders.get(i) + "Log",
          between(NgramCredit.LOWEST_LOG, 0),
          sources -> new NgramCredit(sources.ngrams(order), true));
    }
    register(
        "confidence",
        config -> new Range(0, Math.min(1, config.confidenceClip())),
        sources -> new ConfidenceBonus(sources.config().confidenceClip()));
    register("overconfidence", between(-1, 0), sources -> new ConfidencePenalty());
    register(
        "improvement",
        between(Improvement.LOWEST, Improvement.HIGHEST),
        sources -> new Improvement(sources.ngrams(sources.config().improvementOrder())));
    register("repetition", between(-1, 0), sources -> new Repetition());
    register("diversity", between(0, 1), sources -> new Diversity());
    register(
        "word",
        config ->
            new Range(
                Math.min(0, Collections.min(config.wordLengths())),
                Math.max(0, Collections.max(config.wordLengths()))),
        sources -> WordFormation.of(sources.corpus(), sources.config().wordLengths()));
    List<String> words =
        List.of("oneLetterWord", "twoLetterWord", "threeLetterWord", "fourLetterWord", "longWord");
    for (int i = 0; i < words.size(); i++) {
      List<Double> onlyThis = new ArrayList<>(Collections.nCopies(words.size(), 0.0));
      onlyThis.set(i, 1.0);
      register(
          words.get(i), between(0, 1), sources -> WordFormation.of(sources.corpus(), onlyThis));
    }
    register(
        "referee",
        config -> new Range(0, config.referee().clamp()),
        sources -> {
          // The configuration only checks reward.weights, but a stage may use the component.
          FrozenPolicy referee =
              sources
                  .referee()
                  .orElseThrow(
                      () ->
                          new UserError(
                              "reward.referee.run: is empty, but a stage uses the component"
                                  + " referee; name the referee's run"));
          return new Referee(sources.config().referee(), referee);
        });
  }

  private final LinkedHashMap<String, RolloutScorer> components = new LinkedHashMap<>();

  /** The names of all components that are built in. */
  public static Set<String> names() {
    return Collections.unmodifiableSet(REGISTRY.keySet());
  }

  private static boolean isKnown(RewardConfig config, String name) {
    return REGISTRY.containsKey(name) || config.custom().containsKey(name);
  }

  /**
   * @param stages the weights of every stage
   */
  public Rewards(Sources sources, List<Map<String, Double>> stages) {
    check(sources.config(), stages);
    for (Map<String, Double> weights : stages) {
      weights.forEach(
          (name, weight) -> {
            if (weight != 0) {
              components.computeIfAbsent(name, sources::scorer);
            }
          });
    }
  }

  /**
   * Refuses stages that weigh an unknown component or none, and custom components that cannot be
   * made.
   */
  public static void check(RewardConfig config, List<Map<String, Double>> stages) {
    CustomRewards.weighed(config, stages)
        .forEach(
            (name, component) -> {
              if (component.sql().isEmpty()) {
                FunctionReward.load(name, component);
              }
            });
    for (Map<String, Double> weights : stages) {
      for (String name : weights.keySet()) {
        if (!isKnown(config, name)) {
          throw new UserError(
              "reward " + name + ": unknown component; there are " + String.join(", ", names()));
        }
      }
      if (weights.values().stream().allMatch(weight -> weight == 0)) {
        throw new UserError(
            "reward.weights: all are 0, so nothing is rewarded; set one of "
                + String.join(", ", names()));
      }
    }
  }

  /**
   * Refuses rewards that may be negative if the estimator divides by their mean.
   *
   * @param stages the weights of every stage
   */
  public static void checkSign(
      AdvantageConfig advantage, RewardConfig config, List<Map<String, Double>> stages) {
    if (advantage.estimator() != AdvantageConfig.Estimator.MAXRL) {
      return;
    }
    for (Map<String, Double> weights : stages) {
      double lowest = 0;
      List<String> below = new ArrayList<>();
      for (Map.Entry<String, Double> entry : weights.entrySet()) {
        double weight = entry.getValue();
        double least = weight == 0 ? 0 : range(config, entry.getKey()).lowest(weight);
        lowest += least;
        if (least < 0) {
          below.add(place(config, entry.getKey()) + " = " + weight);
        }
      }
      lowest = config.offset() + lowest * (lowest < 0 ? 1 + config.goldConfidence() : 1);
      if (lowest < 0) {
        double offset = Math.ceil((config.offset() - lowest) * 100) / 100;
        throw new UserError(
            "advantage.estimator: maxrl needs rewards of at least 0, but "
                + (below.isEmpty() ? "reward.offset" : String.join(" and ", below))
                + String.format(Locale.ROOT, " can bring them to %.2f", lowest)
                + "; set reward.offset = "
                + offset
                + declared(config, below)
                + ", or advantage.estimator = grpo or dr-grpo");
      }
    }
  }

  private static Range range(RewardConfig config, String name) {
    CustomRewardConfig custom = config.custom().get(name);
    return custom == null
        ? REGISTRY.get(name).bounds().of(config)
        : new Range(custom.lowest(), custom.highest());
  }

  private static String place(RewardConfig config, String name) {
    return config.custom().containsKey(name) ? CustomRewards.key(name) : "reward." + name;
  }

  /** That bounds of a custom component are for its author to say. */
  private static String declared(RewardConfig config, List<String> below) {
    return config.custom().keySet().stream()
        .map(CustomRewards::key)
        .filter(key -> below.stream().anyMatch(text -> text.startsWith(key + " ")))
        .findFirst()
        .map(key -> ", or where its values never get there, " + key + ".lowest and .highest")
        .orElse("");
  }

  /** {@link #components(Groups, RolloutOrigin, Map)} outside training. */
  public Map<String, float[]> components(Groups groups, Map<String, Double> weights) {
    return components(groups, RolloutOrigin.NONE, weights);
  }

  /**
   * Unweighted values of each component that has a weight.
   *
   * @param weights of the stage
   * @return [G·K] by name
   */
  public Map<String, float[]> components(
      Groups groups, RolloutOrigin origin, Map<String, Double> weights) {
    Map<String, float[]> values = new LinkedHashMap<>();
    components.forEach(
        (name, component) -> {
          if (weights.getOrDefault(name, 0.0) != 0) {
            values.put(name, component.score(groups, origin));
          }
        });
    return values;
  }

  /**
   * The rewards of all actions.
   *
   * @param components from {@link #components}
   * @param offset added to each
   * @return [G·K]
   */
  public static float[] total(
      Map<String, float[]> components, Map<String, Double> weights, double offset) {
    float[] total = new float[components.values().iterator().next().length];
    Arrays.fill(total, (float) offset);
    components.forEach(
        (name, values) -> {
          float weight = weights.get(name).floatValue();
          for (int i = 0; i < total.length; i++) {
            total[i] += weight * values[i];
          }
        });
    return total;
  }

  /**
   * Multiplies the gold token's total reward by 1 + c·π(gold) (avatarl's train.py of 3 June 2025,
   * "confidence scaling", c = 0.5).
   *
   * @param rewards from {@link #total}, [G·K]; changed in place
   */
  public static void scaleGold(Groups groups, float[] rewards, RewardConfig config) {
    if (config.goldConfidence() == 0) {
      return;
    }
    int k = groups.actionsPerGroup();
    for (int i = 0; i < rewards.length; i++) {
      if (groups.action(i / k, i % k) == groups.gold(i / k)) {
        double scale = 1 + config.goldConfidence() * Math.exp(groups.logProbs()[i]);
        rewards[i] = (float) (config.offset() + scale * (rewards[i] - config.offset()));
      }
    }
  }
}
