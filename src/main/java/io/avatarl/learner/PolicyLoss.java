package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.avatarl.config.LearnerConfig;

/**
 * The clipped policy-gradient objective over groups, with an entropy bonus:
 *
 * <pre>
 *   L = −1/N Σ_g [ Σ_a w_a · min(ρ_a A_a, clip(ρ_a, 1 − ε_low, 1 + ε_high) A_a) + β_H H(π(·|g)) ],
 *   ρ_a = π(a|g) / π_old(a|g)
 * </pre>
 *
 * (Schulman et al. 2017, arXiv 1707.06347, equation 7; with two bounds as in Yu et al. 2025, DAPO,
 * arXiv 2503.14476, equation 8.) There is no cross-entropy term: the corpus enters through the
 * advantages alone.
 */
final class PolicyLoss {
  private final NDArray lowest;
  private final NDArray highest;
  private final NDArray entropyWeight;
  private final boolean entropyBonus;

  /**
   * @param constants a manager that outlives the backward pass; operations with a {@code Number}
   *     would leave autograd with freed memory, see {@link io.avatarl.model.Gpt}
   */
  PolicyLoss(LearnerConfig config, NDManager constants) {
    this.lowest = constants.create((float) (1 - config.clipLow()));
    this.highest = constants.create((float) (1 + config.clipHigh()));
    this.entropyWeight = constants.create((float) config.entropy());
    this.entropyBonus = config.entropy() > 0;
  }

  /**
   * Groups as tensors.
   *
   * @param actions int64 [N, K]; absent (exhaustive) when entry k is token k
   * @param weights float32 [N, K]
   * @param oldLogProbs float32 [N, K]
   * @param advantages float32 [N, K]
   */
  record Batch(
      java.util.Optional<NDArray> actions,
      NDArray weights,
      NDArray oldLogProbs,
      NDArray advantages) {}

  /**
   * The objective and, without gradient, what to watch.
   *
   * @param loss scalar, N·L
   * @param clipFraction scalar, Σ w over entries whose gradient the clipping cut off
   * @param kl scalar, Σ w·((ρ − 1) − log ρ), the estimate k3 of KL(π_old ‖ π) (Schulman 2020)
   */
  record Terms(NDArray loss, NDArray clipFraction, NDArray kl) {}

  /**
   * @param logits float32 [N, V]
   */
  Terms terms(NDArray logits, Batch batch) {
    NDArray logProbs = logits.logSoftmax(-1); // [N, V]
    NDArray chosen = // [N, K]
        batch.actions().map(actions -> logProbs.gather(actions, 1)).orElse(logProbs);
    NDArray logRatio = chosen.sub(batch.oldLogProbs());
    NDArray ratio = logRatio.exp();
    NDArray clipped = ratio.maximum(lowest).minimum(highest);
    NDArray plain = ratio.mul(batch.advantages());
    NDArray surrogate = plain.minimum(clipped.mul(batch.advantages())).mul(batch.weights()).sum();
    NDArray objective = surrogate;
    if (entropyBonus) {
      NDArray entropy = logProbs.exp().mul(logProbs).sum().neg();
      objective = surrogate.add(entropy.mul(entropyWeight));
    }
    return new Terms(objective.neg(), clipFraction(ratio, batch), kl(ratio, logRatio, batch));
  }

  private NDArray clipFraction(NDArray ratio, Batch batch) {
    NDArray r = ratio.stopGradient();
    NDArray a = batch.advantages();
    NDArray up = r.gt(highest).logicalAnd(a.gt(0));
    NDArray down = r.lt(lowest).logicalAnd(a.lt(0));
    return up.logicalOr(down)
        .toType(batch.weights().getDataType(), false)
        .mul(batch.weights())
        .sum();
  }

  private static NDArray kl(NDArray ratio, NDArray logRatio, Batch batch) {
    return ratio.stopGradient().sub(1).sub(logRatio.stopGradient()).mul(batch.weights()).sum();
  }
}
