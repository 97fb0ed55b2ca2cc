package io.avatarl.learner;

import io.avatarl.config.OptimizerConfig;
import io.avatarl.model.ParameterLayout;
import java.util.List;

/**
 * AdamW with decoupled weight decay on matrices only (Loshchilov and Hutter 2019, arXiv 1711.05101,
 * algorithm 2), one pass over flat arrays:
 *
 * <pre>
 *   m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²
 *   θ ← θ − η λ θ − η (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
 * </pre>
 */
final class AdamW implements Optimizer {
  private final List<ParameterLayout.Parameter> trained;
  private final Ranges ranges;
  private final float beta1;
  private final float beta2;
  private final float epsilon;
  private final double weightDecay;
  private final float[] firstMoment;
  private final float[] secondMoment;

  AdamW(ParameterLayout layout, OptimizerConfig config, Ranges ranges) {
    this(layout, config, ranges, layout.parameters());
  }

  /**
   * @param trained the parameters of the layout that this optimizer changes
   */
  AdamW(
      ParameterLayout layout,
      OptimizerConfig config,
      Ranges ranges,
      List<ParameterLayout.Parameter> trained) {
    this.trained = trained;
    this.ranges = ranges;
    this.beta1 = (float) config.beta1();
    this.beta2 = (float) config.beta2();
    this.epsilon = (float) config.epsilon();
    this.weightDecay = config.weightDecay();
    this.firstMoment = new float[layout.length()];
    this.secondMoment = new float[layout.length()];
  }

  @Override
  public float[] firstMoment() {
    return firstMoment;
  }

  @Override
  public float[] secondMoment() {
    return secondMoment;
  }

  @Override
  public void step(
      long update, double learningRate, float[] parameters, float[] gradient, float gradientScale) {
    float correction1 = (float) (learningRate / (1 - Math.pow(beta1, update)));
    float correction2 = (float) (1 / (1 - Math.pow(beta2, update)));
    float keep = (float) (1 - learningRate * weightDecay);
    ranges.run(
        firstMoment.length,
        (from, to) -> {
          for (ParameterLayout.Parameter p : trained) {
            step(
                Math.max(from, p.offset()),
                Math.min(to, p.offset() + p.size()),
                parameters,
                gradient,
                gradientScale,
                p.decayed() ? keep : 1f,
                correction1,
                correction2);
          }
        });
  }

  // A separate method with plain array accesses, so that the JIT vectorizes it.
  private void step(
      int from,
      int to,
      float[] parameters,
      float[] gradient,
      float gradientScale,
      float keep,
      float correction1,
      float correction2) {
    float[] m = firstMoment;
    float[] v = secondMoment;
    for (int i = from; i < to; i++) {
      float g = gradient[i] * gradientScale;
      float mi = beta1 * m[i] + (1 - beta1) * g;
      float vi = beta2 * v[i] + (1 - beta2) * g * g;
      m[i] = mi;
      v[i] = vi;
      parameters[i] =
          parameters[i] * keep - correction1 * mi / ((float) Math.sqrt(vi * correction2) + epsilon);
    }
  }
}
