package io.avatarl.config;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A stage of the curriculum with all defaults resolved: what a step's task needs to know.
 *
 * @param name the stage's name; {@code main} in a run without a curriculum
 * @param rewards weights of all components
 * @param klWeight factor on the weight of the KL term
 * @param rollout what executors do
 */
public record CurriculumStage(
    String name, Map<String, Double> rewards, double klWeight, RolloutConfig rollout)
    implements Serializable {
  /** The stages of a run in order, at least one. */
  public static List<CurriculumStage> of(TrainingConfig training) {
    List<CurriculumStage> stages = new ArrayList<>();
    for (StageConfig stage : training.curriculum().stages()) {
      Map<String, Double> rewards = new LinkedHashMap<>(training.reward().allWeights());
      rewards.putAll(stage.reward());
      RolloutConfig rollout =
          stage.horizon() == 0
              ? training.rollout()
              : training.rollout().withHorizon(stage.horizon());
      stages.add(new CurriculumStage(stage.name(), rewards, stage.klWeight(), rollout));
    }
    if (stages.isEmpty()) {
      stages.add(
          new CurriculumStage("main", training.reward().allWeights(), 1, training.rollout()));
    }
    return stages;
  }
}
