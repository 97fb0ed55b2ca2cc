package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import io.avatarl.config.KlConfig;
import io.avatarl.config.LearnerConfig;
import io.avatarl.model.TorchScript;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The clipped policy-gradient objective over groups, with an entropy bonus and a KL term:
 *
 * <pre>
 *   L = −Σ_g [ Σ_a w_a · min(ρ_a A_a, clip(ρ_a, 1 − ε_low, 1 + ε_high) A_a)
 *              + β_H H(π(·|g)) − β · max(KL(π(·|g) ‖ ref(·|g)), free) ],
 *   ρ_a = π(a|g) / π_old(a|g)
 * </pre>
 *
 * (Schulman et al. 2017, arXiv 1707.06347, equation 7; with two bounds as in Yu et al. 2025, DAPO,
 * arXiv 2503.14476, equation 8.) The KL term is exact, or the estimate k3 over the entries, Σ w·((r
 * − 1) − log r) with r = ref/π (Schulman 2020), as is the monitored KL(π_old ‖ π) with r = ρ. There
 * is no cross-entropy term: the corpus enters through the advantages, and through the table of
 * {@code kl.reference = ngram}, if there is one. (With the policy's own weights the gradient of the
 * sampled estimate is π − ref on the logits: that of soft-label cross-entropy to the table.)
 *
 * <p>Value and gradient are computed by {@code policy_loss.py}. Where only entries count (no
 * entropy bonus, no exact KL), nothing but the softmax and its gradient is as wide as the
 * vocabulary.
 */
final class PolicyLoss implements Objective {
  private static final Map<Map<String, Object>, TorchScript> SCRIPTS = new ConcurrentHashMap<>();
  private static final PtNDArray[] NONE = {};

  private final TorchScript script;
  private final LearnerConfig config;

  PolicyLoss(LearnerConfig config) {
    this.config = config;
    boolean fullKl =
        config.kl().reference() != KlConfig.Reference.NONE
            && config.kl().estimator() == KlConfig.Estimator.FULL;
    this.script =
        SCRIPTS.computeIfAbsent(
            Map.of("entropyBonus", config.entropy() > 0, "fullKl", fullKl),
            form -> TorchScript.load(PolicyLoss.class, "policy_loss.py", "PolicyLoss", form));
  }

  @Override
  public Value value(NDArray logits, Batch batch, double scale) {
    PtNDManager scope = (PtNDManager) logits.getManager();
    try (IValue result =
        script.call(
            "value",
            logits,
            list(batch.actions()),
            batch.weights(),
            batch.oldLogProbs(),
            batch.advantages(),
            list(batch.reference().map(Reference::logProbs)),
            1 - config.clipLow(),
            1 + config.clipHigh(),
            config.entropy(),
            batch.reference().map(Reference::weight).orElse(0.0),
            config.kl().freeBits(),
            scale)) {
      NDArray[] tensors = result.toTensorArray(scope);
      float[] sums = tensors[1].toFloatArray();
      return new Value(tensors[0], new LossSums(sums[0], sums[1], sums[2], sums[3], sums[4]));
    }
  }

  private static PtNDArray[] list(Optional<NDArray> tensor) {
    return tensor.map(t -> new PtNDArray[] {(PtNDArray) t}).orElse(NONE);
  }
}
