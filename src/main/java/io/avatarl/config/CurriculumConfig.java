package io.avatarl.config;

import java.io.Serializable;
import java.util.List;

/**
 * Stages that a run passes through. With none, the run has the one that {@code reward.weights} and
 * {@code learner.kl} describe.
 *
 * @param emaDecay of the average over the steps of the policy's perplexity on the gold tokens
 * @param stage the keys that a stage of {@code stages} leaves out
 * @param stages in order; the last one lasts to the end
 */
public record CurriculumConfig(double emaDecay, StageConfig stage, List<StageConfig> stages)
    implements Serializable {
  public CurriculumConfig {
    Check.that(emaDecay >= 0 && emaDecay < 1, "emaDecay", emaDecay + " is not in [0, 1)");
  }
}
