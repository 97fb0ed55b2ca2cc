package io.avatarl.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import io.avatarl.config.GptConfig;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A GPT. Forward: token windows in, logits out. Backward: the gradient of the logits in, gradients
 * of the parameters out. The TorchScript program {@code gpt.py} holds the formulas of both passes.
 * There is no dropout, no loss and no sampling here. The only state is constants: parameters come
 * with each call, so that one object serves every version of the weights and any number of threads.
 */
public final class Gpt implements AutoCloseable {
  /** ε under the root of RMSNorm. */
  public static final float RMS_EPSILON = 1e-6f;

  /** ε under the root of LayerNorm. */
  public static final float LAYER_NORM_EPSILON = 1e-5f;

  /** Base of the rotary angles, angle(t, i) = t · base^(−2i / headWidth). */
  public static final double ROTARY_BASE = 10_000;

  private final TorchScript script;
  final NDManager constants; // for the test that counts what it holds
  private final IValue tables;
  private final IValue noCache;
  private final IValue zero;
  private final IValue yes;
  private final IValue no;

  /**
   * Builds the constants on the manager's device. The caller closes this object after the last
   * backward pass.
   */
  public Gpt(GptConfig config, NDManager parent) {
    this.script = GptScript.of(config);
    this.constants = parent.newSubManager();
    this.tables = tables(config);
    this.noCache = IValue.listFrom(new PtNDArray[0]);
    this.zero = IValue.from(0);
    this.yes = IValue.from(true);
    this.no = IValue.from(false);
  }

  /**
   * The causal mask [T, T], 0 on and below the diagonal and -inf above; and the factor of queries
   * and keys. That is a table [T, 2, H, headWidth] of cosines and sines of the rotary angles, with
   * the first half of a head's sines negated, or a plain number. Scores are q·k / √headWidth;
   * queries and keys each take the fourth root, so that one table serves both.
   */
  private IValue tables(GptConfig config) {
    int context = config.context();
    int width = config.headWidth();
    double root = Math.pow(width, -0.25);
    float[] mask = new float[context * context];
    int both = 2 * config.heads() * width;
    float[] cosines = new float[context * both];
    float[] sines = new float[context * both];
    for (int t = 0; t < context; t++) {
      for (int key = t + 1; key < context; key++) {
        mask[t * context + key] = Float.NEGATIVE_INFINITY;
      }
      for (int i = 0; i < both; i++) {
        int dimension = i % width;
        double angle = t * Math.pow(ROTARY_BASE, -2.0 * (dimension % (width / 2.0)) / width);
        cosines[t * both + i] = (float) (root * Math.cos(angle));
        sines[t * both + i] = (float) (root * (2 * dimension < width ? -1 : 1) * Math.sin(angle));
      }
    }
    return IValue.listFrom(
        constant(mask, context, context),
        constant(cosines, context, 2, config.heads(), width),
        constant(sines, context, 2, config.heads(), width),
        constant(new float[] {(float) root}, 1));
  }

  private PtNDArray constant(float[] values, long... shape) {
    return (PtNDArray) constants.create(values, new Shape(shape));
  }

  /**
   * Logits of the next token at every position.
   *
   * @param weights the parameters by name, see {@link ParameterLayout}
   * @param tokens int64 [B, T], T at most the configured context
   * @return float32 [B, T, V], attached to the manager of {@code tokens}
   */
  public NDArray logits(Map<String, NDArray> weights, NDArray tokens) {
    try (IValue none = IValue.listFrom(new PtNDArray[0])) {
      return forward(weights, tokens, noCache, zero, zero, none, no, no);
    }
  }

  /**
   * {@link #logits(Map, NDArray)} at the positions from {@code first} on.
   *
   * @return float32 [B, T - first, V]
   */
  NDArray logits(Map<String, NDArray> weights, NDArray tokens, int first) {
    try (IValue from = IValue.from(first);
        IValue none = IValue.listFrom(new PtNDArray[0])) {
      return forward(weights, tokens, noCache, zero, from, none, no, no);
    }
  }

  /**
   * Logits after the last of the tokens, which follow those in {@code cache}; adds them to it.
   *
   * @return float32 [B, 1, V]
   */
  NDArray lastLogits(Map<String, NDArray> weights, NDArray tokens, KeyValueCache cache) {
    int length = (int) tokens.getShape().get(1);
    try (IValue cached = IValue.listFrom(cache.arrays());
        IValue seen = IValue.from(cache.length());
        IValue last = IValue.from(length - 1);
        IValue none = IValue.listFrom(new PtNDArray[0])) {
      NDArray logits = forward(weights, tokens, cached, seen, last, none, no, no);
      cache.advance(length);
      return logits;
    }
  }

  /**
   * {@link #logits(Map, NDArray)} at the positions from {@code first} on; keeps what the backward
   * pass needs until the result is closed.
   */
  public Trace trace(Map<String, NDArray> weights, NDArray tokens, int first) {
    return trace(weights, tokens, first, false);
  }

  /**
   * @param recompute keeps only the input of each block; the backward pass computes the rest again,
   *     with the same bits (Chen et al. 2016, arXiv 1604.06174, section 3)
   */
  public Trace trace(Map<String, NDArray> weights, NDArray tokens, int first, boolean recompute) {
    IValue again = recompute ? yes : no;
    IValue saved = IValue.listFrom(new PtNDArray[0]);
    try {
      try (IValue from = IValue.from(first)) {
        NDArray logits = forward(weights, tokens, noCache, zero, from, saved, yes, again);
        return new Trace(weights, saved, again, logits);
      }
    } catch (RuntimeException e) {
      saved.close();
      throw e;
    }
  }

  private NDArray forward(
      Map<String, NDArray> weights,
      NDArray tokens,
      IValue cache,
      IValue start,
      IValue first,
      IValue saved,
      IValue keep,
      IValue recompute) {
    try (IValue named = named(weights);
        IValue input = IValue.from((PtNDArray) tokens);
        IValue output =
            script.run(
                "forward", input, named, tables, cache, start, first, saved, keep, recompute)) {
      return output.toTensor((PtNDManager) tokens.getManager());
    }
  }

  private static IValue named(Map<String, NDArray> weights) {
    Map<String, PtNDArray> tensors = new HashMap<>();
    weights.forEach((name, weight) -> tensors.put(name, (PtNDArray) weight));
    return IValue.stringMapFrom(tensors);
  }

  /** A forward pass that may still be differentiated, once. */
  public final class Trace implements AutoCloseable {
    private final Map<String, NDArray> weights;
    private final IValue saved;
    private final IValue recompute;
    private final NDArray logits;

    private Trace(Map<String, NDArray> weights, IValue saved, IValue recompute, NDArray logits) {
      this.weights = weights;
      this.saved = saved;
      this.recompute = recompute;
      this.logits = logits;
    }

    /** float32 [B, T - first, V]. */
    public NDArray logits() {
      return logits;
    }

    /** Made of the logits, as long as these are there; closing it does nothing. */
    public Distributions distributions() {
      return new TensorDistributions(
          List.of(logits.reshape(-1, logits.getShape().get(2))), () -> {});
    }

    /**
     * @param gradient of a scalar with respect to {@link #logits()}, [B, T - first, V]
     * @return its gradients with respect to the parameters, by name, attached to the manager of
     *     {@code gradient}
     */
    public Map<String, NDArray> backward(NDArray gradient) {
      try (IValue named = named(weights);
          IValue input = IValue.from((PtNDArray) gradient);
          IValue output = script.run("backward", input, named, tables, saved, recompute)) {
        Map<String, NDArray> gradients = new HashMap<>();
        output
            .toIValueMap()
            .forEach(
                (name, value) -> {
                  gradients.put(name, value.toTensor((PtNDManager) gradient.getManager()));
                  value.close();
                });
        return gradients;
      }
    }

    @Override
    public void close() {
      saved.close();
    }
  }

  /** The device of the constants, and so of the computation. */
  Device device() {
    return constants.getDevice();
  }

  @Override
  public void close() {
    for (IValue value : new IValue[] {tables, noCache, zero, yes, no}) {
      value.close();
    }
    constants.close();
  }
}
