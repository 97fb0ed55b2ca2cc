package io.avatarl.config;

import java.io.Serializable;
import java.util.List;

/**
 * Stages that a run passes through. Without any, the run has one stage, described by {@code
 * reward.weights} and {@code learner.kl}.
 *
 * @param emaDecay decay of the moving average of the policy's perplexity on the gold tokens, over
 *     steps
 * @param stage values of the keys that a stage in {@code stages} leaves out
 * @param stages in order; the last one lasts to the end
 */
public record CurriculumConfig(double emaDecay, StageConfig stage, List<StageConfig> stages)
    implements Serializable {
  public CurriculumConfig {
    Check.that(emaDecay >= 0 && emaDecay < 1, "emaDecay", emaDecay + " is not in [0, 1)");
  }
}
