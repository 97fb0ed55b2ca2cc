package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import java.util.Optional;

/**
 * What the learner's updates minimise. In training that is {@link PolicyLoss} alone; the interface
 * is open only so that the yardsticks can train the same model by another loss.
 */
public interface Objective {
  /**
   * @param logits float32 [N, V]
   */
  Terms terms(NDArray logits, Batch batch);

  /**
   * Groups as tensors.
   *
   * @param actions int64 [N, K]; absent (exhaustive) when entry k is token k
   * @param weights float32 [N, K]
   * @param oldLogProbs float32 [N, K]
   * @param advantages float32 [N, K]
   * @param reference what the KL term pulls to, if anything
   */
  record Batch(
      Optional<NDArray> actions,
      NDArray weights,
      NDArray oldLogProbs,
      NDArray advantages,
      Optional<Reference> reference) {}

  /**
   * @param logProbs float32, of every token [N, V] or of the actions [N, K], as the estimator takes
   *     them
   * @param weight scalar β; must outlive the backward pass
   */
  record Reference(NDArray logProbs, NDArray weight) {}

  /**
   * The objective and, without gradient, what to watch.
   *
   * @param loss scalar, N·L
   * @param clipFraction scalar, Σ w over entries whose gradient the clipping cut off
   * @param kl scalar, Σ w·((ρ − 1) − log ρ), the estimate k3 of KL(π_old ‖ π) (Schulman 2020)
   * @param entropy scalar, Σ over the groups of the policy's entropy, where there is a bonus for it
   * @param referenceKl scalar, Σ over the groups of the KL to the reference, before free bits
   */
  record Terms(
      NDArray loss,
      NDArray clipFraction,
      NDArray kl,
      Optional<NDArray> entropy,
      Optional<NDArray> referenceKl) {}
}
