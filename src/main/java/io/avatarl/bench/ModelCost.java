package io.avatarl.bench;

import io.avatarl.config.GptConfig;

/**
 * The minimum arithmetic of a GPT by its shape: matrix products only, where a multiplication and an
 * addition are two operations. Norms, activations, softmax and the group's own arithmetic are left
 * out.
 *
 * <pre>
 *   forward, per token and layer: 6D² (queries, keys, values) + 2D² (output) + 16D² (MLP, hidden 4D)
 *                                 + 4D · (T + 1)/2 (scores and their use, (T + 1)/2 keys on average)
 *   forward, per token:           2DV (logits)
 *   backward:                     twice the forward (gradients of inputs and of weights)
 * </pre>
 */
public record ModelCost(int layers, int width, int context, int vocabulary) {
  public static ModelCost of(GptConfig model, int vocabulary) {
    return new ModelCost(model.layers(), model.width(), model.context(), vocabulary);
  }

  /** Operations of the forward pass for one token of a full window. */
  public double forward() {
    double d = width;
    return layers * (24 * d * d + 4 * d * (context + 1) / 2) + 2 * d * vocabulary;
  }

  /** Operations of forward and backward pass, that is, one update, per token. */
  public double update() {
    return 3 * forward();
  }

  /** Operations of one group of a training step: the rollout's forward pass, then the update. */
  public double group() {
    return forward() + update();
  }
}
