package io.avatarl.learner;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import io.avatarl.config.OptimizerConfig;
import io.avatarl.model.ParameterLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;

/**
 * Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): each matrix inside the blocks moves
 * by its orthogonalised averaged gradient, equally far in all directions.
 *
 * <pre>
 *   m ← μ m + g,   O = orthogonal(g + μ m),   W ← W (1 − η λ) − η √max(1, out/in) O
 * </pre>
 *
 * Attention's queries, keys and values are three matrices in one parameter and are treated
 * separately. {@link AdamW} updates embeddings, the output matrix and vectors. Muon's η follows
 * AdamW's schedule with its own peak.
 */
final class Muon implements Optimizer {
  private final OptimizerConfig config;
  private final AdamW rest;
  private final List<Matrix> matrices;
  private final ExecutorService threads;
  private final float[] momentum;

  /** A matrix [out, in] in the flat parameters. */
  record Matrix(int offset, int out, int in) {
    int size() {
      return out * in;
    }
  }

  /**
   * What an update multiplies with.
   *
   * @param rate η
   * @param keep 1 − η λ
   */
  record Rates(float rate, float keep) {
    /** η √max(1, out/in). */
    float step(Matrix matrix) {
      return (float) (rate * Math.sqrt(Math.max(1, (double) matrix.out / matrix.in)));
    }
  }

  /**
   * @param learningRate of AdamW, from the schedule
   */
  static Rates rates(OptimizerConfig config, double learningRate) {
    float rate = (float) (learningRate / config.learningRate() * config.muon().learningRate());
    return new Rates(rate, (float) (1 - rate * config.weightDecay()));
  }

  /** The matrices that Muon moves. */
  static List<Matrix> matrices(ParameterLayout layout) {
    List<Matrix> matrices = new ArrayList<>();
    for (ParameterLayout.Parameter p : layout.parameters()) {
      if (isMatrixOfABlock(p)) {
        int parts = p.name().endsWith("attn.c_attn.weight") ? 3 : 1;
        int out = p.shape().get(0) / parts;
        int in = p.shape().get(1);
        for (int i = 0; i < parts; i++) {
          matrices.add(new Matrix(p.offset() + i * out * in, out, in));
        }
      }
    }
    return matrices;
  }

  /** The parameters that AdamW moves. */
  static List<ParameterLayout.Parameter> others(ParameterLayout layout) {
    return layout.parameters().stream().filter(p -> !isMatrixOfABlock(p)).toList();
  }

  private static boolean isMatrixOfABlock(ParameterLayout.Parameter p) {
    return p.name().startsWith("transformer.h.") && p.shape().size() == 2;
  }

  Muon(ParameterLayout layout, OptimizerConfig config, Ranges ranges) {
    this.config = config;
    this.threads = ranges.threads();
    this.matrices = matrices(layout);
    this.rest = new AdamW(layout, config, ranges, others(layout));
    this.momentum = rest.firstMoment();
  }

  /** AdamW's first moments, and Muon's momentum for Muon's matrices. */
  @Override
  public float[] firstMoment() {
    return momentum;
  }

  @Override
  public float[] secondMoment() {
    return rest.secondMoment();
  }

  @Override
  public void step(
      long update, double learningRate, float[] parameters, float[] gradient, float gradientScale) {
    Rates rates = rates(config, learningRate);
    List<Future<?>> running = new ArrayList<>();
    for (Matrix matrix : matrices) {
      running.add(threads.submit(() -> step(matrix, rates, parameters, gradient, gradientScale)));
    }
    rest.step(update, learningRate, parameters, gradient, gradientScale);
    running.forEach(Learner::get);
  }

  private void step(
      Matrix matrix, Rates rates, float[] parameters, float[] gradient, float gradientScale) {
    float mu = (float) config.muon().momentum();
    float[] direction = new float[matrix.size()];
    for (int i = 0; i < direction.length; i++) {
      float g = gradient[matrix.offset + i] * gradientScale;
      float m = mu * momentum[matrix.offset + i] + g;
      momentum[matrix.offset + i] = m;
      direction[i] = g + mu * m;
    }
    float[] orthogonal = orthogonal(direction, matrix.out, matrix.in, config.muon().iterations());
    float keep = rates.keep;
    float step = rates.step(matrix);
    for (int i = 0; i < orthogonal.length; i++) {
      int at = matrix.offset + i;
      parameters[at] = parameters[at] * keep - step * orthogonal[i];
    }
  }

  /**
   * Approximately U Vᵀ for the matrix U S Vᵀ, by {@code optimizer.py}, which brings every singular
   * value into about [0.7, 1.2].
   *
   * @param values [out·in], row by row
   */
  static float[] orthogonal(float[] values, int out, int in, int iterations) {
    try (NDManager scope = NDManager.newBaseManager(Device.cpu())) {
      PtNDArray matrix = (PtNDArray) scope.create(values, new Shape(out, in));
      return OptimizerScript.tensor(scope, "orthogonal", matrix, (long) iterations).toFloatArray();
    }
  }
}
