package io.avatarl.reward;

import io.avatarl.config.RewardConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.NgramModel;
import io.avatarl.rollout.FrozenPolicy;
import io.avatarl.rollout.Groups;
import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The reward of an action: the weighted sum of its components. One object serves all stages of a
 * curriculum: it holds every component that any stage weighs.
 */
public final class Rewards implements Serializable {
  /**
   * What components are made of.
   *
   * @param corpus statistics are counted in its training split only
   * @param counts n-grams of the training split
   * @param referee the frozen policy, where one is configured
   */
  public record Sources(
      RewardConfig config, Corpus corpus, NgramCounts counts, Optional<FrozenPolicy> referee) {
    private NgramModel ngrams(int order) {
      return new NgramModel(counts, order);
    }
  }

  private interface Factory {
    RewardComponent make(Sources sources);
  }

  /** Every component there is, by its key under {@code reward.weights}. */
  private static final Map<String, Factory> REGISTRY = new TreeMap<>();

  static {
    REGISTRY.put("exact", sources -> new ExactMatch());
    List<String> orders = List.of("bigram", "trigram", "fourgram", "fivegram");
    for (int i = 0; i < orders.size(); i++) {
      int order = i + 2;
      REGISTRY.put(orders.get(i), sources -> new NgramCredit(sources.ngrams(order), false));
      REGISTRY.put(orders.get(i) + "Log", sources -> new NgramCredit(sources.ngrams(order), true));
    }
    REGISTRY.put("confidence", sources -> new ConfidenceBonus(sources.config().confidenceClip()));
    REGISTRY.put("overconfidence", sources -> new ConfidencePenalty());
    REGISTRY.put(
        "improvement",
        sources -> new Improvement(sources.ngrams(sources.config().improvementOrder())));
    REGISTRY.put("repetition", sources -> new Repetition());
    REGISTRY.put("diversity", sources -> new Diversity());
    REGISTRY.put(
        "word", sources -> WordFormation.of(sources.corpus(), sources.config().wordLengths()));
    REGISTRY.put(
        "referee",
        sources -> {
          // The configuration checks reward.weights only; a stage may be the first to pay it.
          FrozenPolicy referee =
              sources
                  .referee()
                  .orElseThrow(
                      () ->
                          new UserError(
                              "reward.referee.run: is empty, but a stage rewards referee; name the run that is the referee"));
          return new Referee(sources.config().referee(), referee);
        });
  }

  private final LinkedHashMap<String, RewardComponent> components = new LinkedHashMap<>();

  /** The names of all components. */
  public static java.util.Set<String> names() {
    return java.util.Collections.unmodifiableSet(REGISTRY.keySet());
  }

  /**
   * @param stages the weights of every stage
   */
  public Rewards(Sources sources, List<Map<String, Double>> stages) {
    check(stages);
    for (Map<String, Double> weights : stages) {
      weights.forEach(
          (name, weight) -> {
            if (weight != 0) {
              components.computeIfAbsent(name, n -> REGISTRY.get(n).make(sources));
            }
          });
    }
  }

  /** Refuses stages that weigh an unknown component or none. */
  public static void check(List<Map<String, Double>> stages) {
    for (Map<String, Double> weights : stages) {
      for (String name : weights.keySet()) {
        if (!REGISTRY.containsKey(name)) {
          throw new UserError(
              "reward " + name + ": unknown component; there are " + String.join(", ", names()));
        }
      }
      if (weights.values().stream().allMatch(weight -> weight == 0)) {
        throw new UserError(
            "reward.weights: are all 0, nothing is rewarded; set one of "
                + String.join(", ", names()));
      }
    }
  }

  /**
   * Unweighted values of each component that has a weight.
   *
   * @param weights of the stage
   * @return [G·K] by name
   */
  public Map<String, float[]> components(Groups groups, Map<String, Double> weights) {
    Map<String, float[]> values = new LinkedHashMap<>();
    components.forEach(
        (name, component) -> {
          if (weights.getOrDefault(name, 0.0) != 0) {
            values.put(name, component.score(groups));
          }
        });
    return values;
  }

  /**
   * The rewards of all actions.
   *
   * @param components as {@link #components} gave them
   * @return [G·K]
   */
  public static float[] total(Map<String, float[]> components, Map<String, Double> weights) {
    float[] total = new float[components.values().iterator().next().length];
    components.forEach(
        (name, values) -> {
          float weight = weights.get(name).floatValue();
          for (int i = 0; i < total.length; i++) {
            total[i] += weight * values[i];
          }
        });
    return total;
  }
}
