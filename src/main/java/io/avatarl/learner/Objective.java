package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import java.util.Optional;

/**
 * What the learner minimises. Training only uses {@link PolicyLoss}; the interface exists so that
 * the yardsticks can train the same model with another loss.
 */
public interface Objective {
  /**
   * Its value and its gradient.
   *
   * @param logits float32 [N, V]; not changed
   * @param scale multiplies the gradient
   * @return attached to the manager of {@code logits}
   */
  Value value(NDArray logits, Batch batch, double scale);

  /**
   * @param gradient of the loss with respect to the logits, times the scale: float32 [N, V]
   * @param sums over the groups, without the scale
   */
  record Value(NDArray gradient, LossSums sums) {}

  /**
   * Groups as tensors.
   *
   * @param actions int64 [N, K]; absent (exhaustive) if entry k is token k
   * @param weights float32 [N, K]
   * @param oldLogProbs float32 [N, K]
   * @param advantages float32 [N, K]
   * @param reference the KL term's reference; empty without a KL term
   */
  record Batch(
      Optional<NDArray> actions,
      NDArray weights,
      NDArray oldLogProbs,
      NDArray advantages,
      Optional<Reference> reference) {}

  /**
   * @param logProbs float32, of every token [N, V] or of the actions [N, K], depending on the
   *     estimator
   * @param weight β
   */
  record Reference(NDArray logProbs, double weight) {}
}
