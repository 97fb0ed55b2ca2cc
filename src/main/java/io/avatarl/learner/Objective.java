package io.avatarl.learner;

import ai.djl.ndarray.NDArray;

/** What the learner's updates minimise. */
interface Objective {
  /**
   * @param logits float32 [N, V]
   */
  PolicyLoss.Terms terms(NDArray logits, PolicyLoss.Batch batch);
}
