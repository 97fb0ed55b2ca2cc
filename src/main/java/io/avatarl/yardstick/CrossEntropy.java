package io.avatarl.yardstick;

import ai.djl.ndarray.NDArray;
import io.avatarl.learner.LossSums;
import io.avatarl.learner.Objective;

/**
 * −Σ log π(a) over the groups' actions: the negative log-likelihood if the gold token is the only
 * action.
 */
public final class CrossEntropy implements Objective {
  @Override
  public Value value(NDArray logits, Batch batch, double scale) {
    int vocabulary = (int) logits.getShape().get(1);
    NDArray actions = batch.actions().orElseThrow(); // [N, K]
    NDArray logProbs = logits.logSoftmax(-1);
    float loss = -logProbs.gather(actions, 1).sum().getFloat();
    NDArray counts = actions.oneHot(vocabulary).sum(new int[] {1}); // [N, V]
    NDArray gradient = logProbs.exp().mul(actions.getShape().get(1)).sub(counts).mul(scale);
    return new Value(gradient, new LossSums(loss, 0, 0, 0, 0));
  }
}
