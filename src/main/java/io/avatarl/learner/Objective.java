package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import java.util.Optional;

/**
 * What the learner minimises. Training only uses {@link PolicyLoss}; the interface exists so that
 * the yardsticks can train the same model with another loss.
 */
public interface Objective {
  /**
   * @param logits float32 [N, V]
   */
  Terms terms(NDArray logits, Batch batch);

  /**
   * Whether it looks at the log-probabilities of the actions alone, where there are some, so that
   * {@link #ofActions} can be asked instead: what is recorded for the backward pass is then K
   * numbers for each group, not V.
   */
  default boolean looksAtActionsAlone() {
    return false;
  }

  /**
   * The same terms.
   *
   * @param logProbs of the actions, float32 [N, K]
   */
  default Terms ofActions(NDArray logProbs, Batch batch) {
    throw new UnsupportedOperationException();
  }

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
   * @param weight scalar β; must outlive the backward pass
   */
  record Reference(NDArray logProbs, NDArray weight) {}

  /**
   * The objective's value and, without gradient, quantities to monitor.
   *
   * @param loss scalar, N·L
   * @param clipFraction scalar, Σ w over entries whose gradient was cut off by clipping
   * @param kl scalar, Σ w·((ρ − 1) − log ρ), the estimate k3 of KL(π_old ‖ π) (Schulman 2020)
   * @param entropy scalar, Σ over the groups of the policy's entropy, if there is an entropy bonus
   * @param referenceKl scalar, Σ over the groups of the KL to the reference, before free bits
   */
  record Terms(
      NDArray loss,
      NDArray clipFraction,
      NDArray kl,
      Optional<NDArray> entropy,
      Optional<NDArray> referenceKl) {}
}
