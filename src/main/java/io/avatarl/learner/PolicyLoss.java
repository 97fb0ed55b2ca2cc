package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.avatarl.config.KlConfig;
import io.avatarl.config.LearnerConfig;
import java.util.Optional;

/**
 * The clipped policy-gradient objective over groups, with an entropy bonus and a KL term:
 *
 * <pre>
 *   L = −1/N Σ_g [ Σ_a w_a · min(ρ_a A_a, clip(ρ_a, 1 − ε_low, 1 + ε_high) A_a)
 *                  + β_H H(π(·|g)) − β · max(KL(π(·|g) ‖ ref(·|g)), free) ],
 *   ρ_a = π(a|g) / π_old(a|g)
 * </pre>
 *
 * (Schulman et al. 2017, arXiv 1707.06347, equation 7; with two bounds as in Yu et al. 2025, DAPO,
 * arXiv 2503.14476, equation 8.) There is no cross-entropy term: the corpus enters through the
 * advantages, and through the table of {@code kl.reference = ngram}, if there is one. (With the
 * policy's own weights the gradient of the sampled estimate is π − ref on the logits: that of
 * soft-label cross-entropy to the table.)
 */
final class PolicyLoss implements Objective {
  private final NDArray lowest;
  private final NDArray highest;
  private final NDArray entropyWeight;
  private final boolean entropyBonus;
  private final NDArray freeBits;
  private final boolean fullKl;

  /**
   * @param constants a manager that outlives the backward pass. Operations with a {@code Number}
   *     must not be used here: DJL builds a scalar tensor over a Java buffer and closes it at once,
   *     while autograd still points to its memory
   */
  PolicyLoss(LearnerConfig config, NDManager constants) {
    this.lowest = constants.create((float) (1 - config.clipLow()));
    this.highest = constants.create((float) (1 + config.clipHigh()));
    this.entropyWeight = constants.create((float) config.entropy());
    this.entropyBonus = config.entropy() > 0;
    this.freeBits = constants.create((float) config.kl().freeBits());
    this.fullKl =
        config.kl().reference() != KlConfig.Reference.NONE
            && config.kl().estimator() == KlConfig.Estimator.FULL;
  }

  /**
   * @param logits float32 [N, V]
   */
  @Override
  public Terms terms(NDArray logits, Batch batch) {
    NDArray logProbs = logits.logSoftmax(-1); // [N, V]
    NDArray chosen = // [N, K]
        batch.actions().map(actions -> logProbs.gather(actions, 1)).orElse(logProbs);
    return terms(Optional.of(logProbs), chosen, batch);
  }

  @Override
  public boolean looksAtActionsAlone() {
    return !entropyBonus && !fullKl;
  }

  @Override
  public Terms ofActions(NDArray logProbs, Batch batch) {
    return terms(Optional.empty(), logProbs, batch);
  }

  /**
   * @param all log-probabilities of every token, [N, V]; absent where none is asked for
   * @param chosen those of the actions, [N, K]
   */
  private Terms terms(Optional<NDArray> all, NDArray chosen, Batch batch) {
    NDArray logRatio = chosen.sub(batch.oldLogProbs());
    NDArray ratio = logRatio.exp();
    NDArray clipped = ratio.maximum(lowest).minimum(highest);
    NDArray plain = ratio.mul(batch.advantages());
    NDArray surrogate = plain.minimum(clipped.mul(batch.advantages())).mul(batch.weights()).sum();
    NDArray objective = surrogate;
    Optional<NDArray> entropy =
        entropyBonus ? all.map(p -> p.exp().mul(p).sum().neg()) : Optional.empty();
    if (entropy.isPresent()) {
      objective = surrogate.add(entropy.get().mul(entropyWeight));
    }
    Optional<NDArray> referenceKl =
        batch.reference().map(reference -> referenceKl(all, chosen, batch, reference)); // [N]
    if (referenceKl.isPresent()) {
      NDArray penalty = referenceKl.get().maximum(freeBits).sum();
      objective = objective.sub(penalty.mul(batch.reference().orElseThrow().weight()));
    }
    return new Terms(
        objective.neg(),
        clipFraction(ratio, batch),
        kl(ratio, logRatio, batch),
        entropy.map(NDArray::stopGradient),
        referenceKl.map(kl -> kl.stopGradient().sum()));
  }

  private NDArray referenceKl(
      Optional<NDArray> all, NDArray chosen, Batch batch, Reference reference) {
    int[] entries = {1};
    if (fullKl) {
      NDArray logProbs = all.orElseThrow();
      return logProbs.exp().mul(logProbs.sub(reference.logProbs())).sum(entries);
    }
    NDArray logRatio = chosen.neg().add(reference.logProbs());
    return logRatio
        .exp()
        .sub(logRatio)
        .mul(batch.weights())
        .sum(entries)
        .sub(batch.weights().sum(entries));
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
