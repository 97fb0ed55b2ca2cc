package io.avatarl.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import io.avatarl.config.GptConfig;
import io.avatarl.model.Gpt;
import java.util.Map;

/**
 * The model as plain DJL operations, differentiated by PyTorch. It is what {@link Gpt}, with its
 * written-out backward pass, is compared with.
 *
 * <p>No differentiated operation takes a Java number, because autograd would keep pointing to freed
 * memory. So the graph's constants are arrays. They are right operands, because a result belongs to
 * the manager of its left operand.
 */
public final class AutogradGpt implements AutoCloseable {
  private final GptConfig config;
  private final NDManager constants;
  private final NDArray causalMask; // [T, T]: 0 on and below the diagonal, -inf above
  private final NDArray cos; // [T, headWidth], scaled by headWidth^-1/4
  private final NDArray sin; // the same
  private final NDArray rotateHalf; // [headWidth, headWidth]: (x1, x2) -> (-x2, x1)
  private final NDArray scale; // headWidth^-1/4, applied to queries and to keys
  private final NDArray epsilon;
  private final NDArray one;
  private final NDArray half;
  private final NDArray cubic; // of GELU's approximation by tanh, as the next one
  private final NDArray rootOf2OverPi;

  /** Builds the constants. The caller closes this object after the last backward pass. */
  public AutogradGpt(GptConfig config, NDManager parent) {
    this.config = config;
    this.constants = parent.newSubManager();
    int context = config.context();
    int width = config.headWidth();
    // Scores are q·k / √headWidth; with the fourth root on each side, one table serves both.
    double root = Math.pow(width, -0.25);
    this.causalMask = constants.create(mask(context), new Shape(context, context));
    float[] cosines = new float[context * width];
    float[] sines = new float[context * width];
    for (int t = 0; t < context; t++) {
      for (int i = 0; i < width; i++) {
        double angle = t * Math.pow(Gpt.ROTARY_BASE, -2.0 * (i % (width / 2.0)) / width);
        cosines[t * width + i] = (float) (root * Math.cos(angle));
        sines[t * width + i] = (float) (root * Math.sin(angle));
      }
    }
    this.cos = constants.create(cosines, new Shape(context, width));
    this.sin = constants.create(sines, new Shape(context, width));
    this.rotateHalf = constants.create(rotation(width), new Shape(width, width));
    this.scale = constants.create((float) root);
    this.epsilon = constants.create(Gpt.RMS_EPSILON);
    this.one = constants.create(1f);
    this.half = constants.create(0.5f);
    this.cubic = constants.create(0.044715f);
    this.rootOf2OverPi = constants.create((float) Math.sqrt(2 / Math.PI));
  }

  private static float[] mask(int context) {
    float[] mask = new float[context * context];
    for (int query = 0; query < context; query++) {
      for (int key = query + 1; key < context; key++) {
        mask[query * context + key] = Float.NEGATIVE_INFINITY;
      }
    }
    return mask;
  }

  private static float[] rotation(int width) {
    float[] rotation = new float[width * width];
    int half = width / 2;
    for (int i = 0; i < half; i++) {
      rotation[(half + i) * width + i] = -1f;
      rotation[i * width + half + i] = 1f;
    }
    return rotation;
  }

  /**
   * Logits of windows as long as the context.
   *
   * @param weights the parameters by name, see {@link io.avatarl.model.ParameterLayout}
   * @param tokens int64 [B, T]
   * @return [B, T, V]
   */
  public NDArray logits(Map<String, NDArray> weights, NDArray tokens) {
    NDArray embedding = weights.get("transformer.wte.weight"); // [V, D]
    NDArray x = // [B, T, D]
        tokens
            .getNDArrayInternal()
            .embedding(tokens, embedding, SparseFormat.DENSE)
            .singletonOrThrow();
    if (config.positions() == GptConfig.Positions.LEARNED) {
      x = x.add(weights.get("transformer.wpe.weight"));
    }
    x = shifted(weights, "transformer.", x);
    for (int layer = 0; layer < config.layers(); layer++) {
      String h = "transformer.h." + layer + ".";
      x = x.add(attention(weights, h + "attn.", norm(weights, h + "ln_1", x)));
      x = x.add(mlp(weights, h + "mlp.", norm(weights, h + "ln_2", x)));
    }
    NDArray output = config.tied() ? embedding : weights.get("lm_head.weight"); // [V, D]
    return timesTransposed(norm(weights, "transformer.ln_f", x), output); // [B, T, V]
  }

  private NDArray attention(Map<String, NDArray> weights, String name, NDArray input) {
    NDArray x = shifted(weights, name, input);
    long batch = x.getShape().get(0);
    long length = x.getShape().get(1);
    NDArray qkv = // [3, B, H, T, headWidth]
        linear(weights, name + "c_attn", x)
            .reshape(batch, length, 3, config.heads(), config.headWidth())
            .transpose(2, 0, 3, 1, 4);
    NDList parts = qkv.split(new long[] {2}, 0);
    NDArray qk =
        parts.get(0); // [2, B, H, T, headWidth]: queries and keys pass through the same operations
    NDArray v = parts.get(1).squeeze(0); // [B, H, T, headWidth]
    if (config.qkNorm()) {
      qk = rmsNorm(qk);
    }
    if (config.positions() == GptConfig.Positions.ROTARY) {
      NDArray rotated = qk.matMul(rotateHalf);
      qk = qk.mul(cos).add(rotated.mul(sin));
    } else {
      qk = qk.mul(scale);
    }
    NDList pair = qk.split(new long[] {1}, 0);
    NDArray q = pair.get(0).squeeze(0); // [B, H, T, headWidth]
    NDArray k = pair.get(1).squeeze(0);
    NDArray scores = q.matMul(k.swapAxes(2, 3)).add(causalMask); // [B, H, T, T]
    NDArray mixed = scores.softmax(-1).matMul(v); // [B, H, T, headWidth]
    return linear(
        weights,
        name + "c_proj",
        mixed.swapAxes(1, 2).reshape(batch, length, config.width())); // [B, T, D]
  }

  /** With token shift, each state plus a share of the one before. */
  private NDArray shifted(Map<String, NDArray> weights, String name, NDArray x) {
    if (!config.tokenShift()) {
      return x;
    }
    NDArray first = x.getManager().zeros(new Shape(x.getShape().get(0), 1, config.width()));
    NDArray before = first.concat(x.get(new NDIndex(":, :-1")), 1); // [B, T, D]
    return x.add(before.mul(weights.get(name + "shift")));
  }

  private NDArray mlp(Map<String, NDArray> weights, String name, NDArray input) {
    NDArray x = shifted(weights, name, input);
    NDArray hidden = linear(weights, name + "c_fc", x); // [B, T, 4D]
    NDArray active =
        switch (config.activation()) {
          case RELU2 -> {
            NDArray positive = hidden.getNDArrayInternal().relu();
            yield positive.mul(positive);
          }
          case GELU -> hidden.getNDArrayInternal().gelu();
          case GELU_TANH -> {
            NDArray inner =
                hidden.add(hidden.mul(hidden).mul(hidden).mul(cubic)).mul(rootOf2OverPi);
            yield hidden.mul(inner.tanh().add(one)).mul(half);
          }
        };
    return linear(weights, name + "c_proj", active); // [B, T, D]
  }

  private NDArray linear(Map<String, NDArray> weights, String name, NDArray x) {
    NDArray y = timesTransposed(x, weights.get(name + ".weight"));
    return config.bias() ? y.add(weights.get(name + ".bias")) : y;
  }

  /** The transposed view belongs to the forward pass, not to the parameter's manager. */
  private static NDArray timesTransposed(NDArray x, NDArray weight) {
    NDArray transposed = weight.transpose();
    transposed.attach(x.getManager());
    return x.matMul(transposed);
  }

  private NDArray norm(Map<String, NDArray> weights, String name, NDArray x) {
    if (config.norm() == GptConfig.Norm.RMS) {
      return rmsNorm(x);
    }
    return x.getNDArrayInternal()
        .layerNorm(
            x,
            new Shape(config.width()),
            weights.get(name + ".weight"),
            weights.get(name + ".bias"),
            Gpt.LAYER_NORM_EPSILON)
        .singletonOrThrow();
  }

  /** x / √(mean x² + ε) over the last dimension (Zhang and Sennrich 2019, without gain). */
  private NDArray rmsNorm(NDArray x) {
    return x.div(x.mul(x).mean(new int[] {-1}, true).add(epsilon).sqrt());
  }

  @Override
  public void close() {
    constants.close();
  }
}
