package io.avatarl.reward;

import io.avatarl.config.RewardConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.rollout.Groups;
import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** The reward of an action: the weighted sum of its components. */
public final class Rewards implements Serializable {
  /** Every component there is, by its key under {@code reward.weights}. */
  static final Map<String, Function<Corpus, RewardComponent>> REGISTRY =
      Map.of("exact", corpus -> new ExactMatch(), "bigram", BigramCredit::of);

  private final LinkedHashMap<String, RewardComponent> components = new LinkedHashMap<>();
  private final LinkedHashMap<String, Float> weights = new LinkedHashMap<>();

  /**
   * @param corpus what statistics are counted in (its training split only)
   */
  public Rewards(RewardConfig config, Corpus corpus) {
    config
        .weights()
        .forEach(
            (name, weight) -> {
              if (weight != 0) {
                components.put(name, REGISTRY.get(name).apply(corpus));
                weights.put(name, weight.floatValue());
              }
            });
  }

  /** Unweighted values of each component in use, [G·K] by name. */
  public Map<String, float[]> components(Groups groups) {
    Map<String, float[]> values = new LinkedHashMap<>();
    components.forEach((name, component) -> values.put(name, component.score(groups)));
    return values;
  }

  /**
   * The rewards of all actions.
   *
   * @param components as {@link #components} gave them
   * @return [G·K]
   */
  public float[] total(Map<String, float[]> components) {
    float[] total = null;
    for (Map.Entry<String, float[]> entry : components.entrySet()) {
      float weight = weights.get(entry.getKey());
      float[] values = entry.getValue();
      if (total == null) {
        total = new float[values.length];
      }
      for (int i = 0; i < total.length; i++) {
        total[i] += weight * values[i];
      }
    }
    return total;
  }
}
