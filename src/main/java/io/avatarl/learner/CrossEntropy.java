package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import java.util.Optional;

/**
 * −Σ log π(a) over the groups' actions: the negative log-likelihood, where the only action is the
 * gold token. This is the yardstick that reinforcement learning is compared with; no preset can
 * choose it.
 */
final class CrossEntropy implements Objective {
  @Override
  public PolicyLoss.Terms terms(NDArray logits, PolicyLoss.Batch batch) {
    NDArray loss = logits.logSoftmax(-1).gather(batch.actions().orElseThrow(), 1).sum().neg();
    NDArray none = loss.getManager().create(0f);
    return new PolicyLoss.Terms(loss, none, none, Optional.empty(), Optional.empty());
  }
}
