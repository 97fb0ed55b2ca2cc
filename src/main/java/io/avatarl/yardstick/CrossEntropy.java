package io.avatarl.yardstick;

import ai.djl.ndarray.NDArray;
import io.avatarl.learner.Objective;
import java.util.Optional;

/**
 * −Σ log π(a) over the groups' actions: the negative log-likelihood if the gold token is the only
 * action.
 */
public final class CrossEntropy implements Objective {
  @Override
  public Terms terms(NDArray logits, Batch batch) {
    NDArray loss = logits.logSoftmax(-1).gather(batch.actions().orElseThrow(), 1).sum().neg();
    NDArray none = loss.getManager().create(0f);
    return new Terms(loss, none, none, Optional.empty(), Optional.empty());
  }
}
