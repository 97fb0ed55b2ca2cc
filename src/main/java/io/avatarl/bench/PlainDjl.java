package io.avatarl.bench;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import io.avatarl.config.GptConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.Windows;
import io.avatarl.model.Gpt;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.Parameters;
import java.util.Map;

/**
 * (c) The yardstick: next-token cross-entropy training as one writes it with DJL and nothing else.
 * The same model (its default form) is one DJL operation after another, differentiated by DJL's
 * gradient collector and updated by DJL's AdamW; each operation uses all the threads. Units:
 * tokens, of which each is a state.
 */
final class PlainDjl implements Part {
  private final TrainingConfig config;
  private final Corpus corpus;
  private final int threads;
  private final NDManager manager = NDManager.newBaseManager();
  private final Map<String, NDArray> weights;
  // No differentiated operation may take a Java number: autograd would keep pointing at freed
  // memory. So the graph's constants are arrays, and they stand on the right of an operation,
  // because a result belongs to the manager of its left operand.
  private final NDArray mask; // [T, T]: 0 on and below the diagonal, -inf above
  private final NDArray cosines; // [T, headWidth], scaled by headWidth^-1/4
  private final NDArray sines; // the same
  private final NDArray rotation; // [headWidth, headWidth]: (x1, x2) -> (-x2, x1)
  private final NDArray epsilon;
  private final Optimizer optimizer;
  private long step;

  /**
   * @param parameters where training starts; changed in place, and to outlive this
   * @param threads of each operation
   */
  PlainDjl(TrainingConfig config, Corpus corpus, Parameters parameters, int threads) {
    NativeEngine.load(config.nativeThreads());
    this.config = config;
    this.corpus = corpus;
    this.threads = threads;
    this.weights = parameters.tensors(manager);
    weights.values().forEach(weight -> weight.setRequiresGradient(true));
    GptConfig model = config.model();
    int context = model.context();
    int width = model.headWidth();
    float[] above = new float[context * context];
    float[] cosine = new float[context * width];
    float[] sine = new float[context * width];
    float[] half = new float[width * width];
    for (int t = 0; t < context; t++) {
      for (int key = t + 1; key < context; key++) {
        above[t * context + key] = Float.NEGATIVE_INFINITY;
      }
      for (int i = 0; i < width; i++) {
        double angle = t * Math.pow(Gpt.ROTARY_BASE, -2.0 * (i % (width / 2.0)) / width);
        cosine[t * width + i] = (float) (Math.cos(angle) * Math.pow(width, -0.25));
        sine[t * width + i] = (float) (Math.sin(angle) * Math.pow(width, -0.25));
      }
    }
    for (int i = 0; i < width / 2; i++) {
      half[(width / 2 + i) * width + i] = -1f;
      half[i * width + width / 2 + i] = 1f;
    }
    this.mask = manager.create(above, new Shape(context, context));
    this.cosines = manager.create(cosine, new Shape(context, width));
    this.sines = manager.create(sine, new Shape(context, width));
    this.rotation = manager.create(half, new Shape(width, width));
    this.epsilon = manager.create(Gpt.RMS_EPSILON);
    this.optimizer =
        Optimizer.adamW()
            .optLearningRateTracker(
                Tracker.fixed((float) config.learner().optimizer().learningRate()))
            .optBeta1((float) config.learner().optimizer().beta1())
            .optBeta2((float) config.learner().optimizer().beta2())
            .optWeightDecays((float) config.learner().optimizer().weightDecay())
            .build();
  }

  /** Whether it knows this form of the model. */
  static boolean knows(GptConfig model) {
    return model.norm() == GptConfig.Norm.RMS
        && model.positions() == GptConfig.Positions.ROTARY
        && model.activation() == GptConfig.Activation.RELU2
        && model.qkNorm()
        && model.tied()
        && !model.bias();
  }

  @Override
  public Lap run(double seconds) {
    JniUtils.setNumThreads(threads);
    try {
      return Part.repeating(
              () -> {
                update();
                return (long) config.rollout().windowsPerUpdate() * config.model().context();
              },
              () -> {})
          .run(seconds);
    } finally {
      JniUtils.setNumThreads(config.nativeThreads());
    }
  }

  /** One update on fresh windows; returns the mean cross-entropy before it. */
  float update() {
    int windows = config.rollout().windowsPerUpdate();
    int context = config.model().context();
    int[] drawn = Windows.draw(corpus, context, windows, config.seed(), step++, 0);
    try (NDManager scope = manager.newSubManager()) {
      NDArray rows =
          scope.create(drawn, new Shape(windows, context + 1)).toType(DataType.INT64, false);
      float loss;
      try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
        NDArray targets = rows.get(new NDIndex(":, 1:")).reshape(-1, 1);
        NDArray mean =
            logits(rows.get(new NDIndex(":, :-1")))
                .reshape(targets.size(), -1)
                .logSoftmax(-1)
                .gather(targets, 1)
                .mean()
                .neg();
        collector.backward(mean);
        loss = mean.getFloat();
      }
      weights.forEach(
          (name, weight) -> {
            try (NDArray gradient = weight.getGradient()) {
              optimizer.update(name, weight, gradient);
              gradient.subi(gradient); // the engine adds to it
            }
          });
      return loss;
    }
  }

  /**
   * @param tokens int64 [B, T]
   * @return [B, T, V]
   */
  NDArray logits(NDArray tokens) {
    NDArray embedding = weights.get("transformer.wte.weight"); // [V, D]
    NDArray x = // [B, T, D]
        tokens
            .getNDArrayInternal()
            .embedding(tokens, embedding, SparseFormat.DENSE)
            .singletonOrThrow();
    for (int layer = 0; layer < config.model().layers(); layer++) {
      String h = "transformer.h." + layer + ".";
      x = x.add(attention(h + "attn.", rmsNorm(x)));
      NDArray hidden = linear(rmsNorm(x), h + "mlp.c_fc").getNDArrayInternal().relu();
      x = x.add(linear(hidden.mul(hidden), h + "mlp.c_proj"));
    }
    return timesTransposed(rmsNorm(x), embedding);
  }

  private NDArray attention(String name, NDArray x) {
    long batch = x.getShape().get(0);
    long length = x.getShape().get(1);
    int heads = config.model().heads();
    int width = config.model().headWidth();
    NDList parts = // [2, B, H, T, headWidth], [1, B, H, T, headWidth]
        linear(x, name + "c_attn")
            .reshape(batch, length, 3, heads, width)
            .transpose(2, 0, 3, 1, 4)
            .split(new long[] {2}, 0);
    NDArray qk = rmsNorm(parts.get(0));
    qk = qk.mul(cosines).add(qk.matMul(rotation).mul(sines));
    NDList pair = qk.split(new long[] {1}, 0);
    NDArray q = pair.get(0).squeeze(0); // [B, H, T, headWidth]
    NDArray k = pair.get(1).squeeze(0);
    NDArray scores = q.matMul(k.swapAxes(2, 3)).add(mask); // [B, H, T, T]
    NDArray mixed = scores.softmax(-1).matMul(parts.get(1).squeeze(0));
    return linear(
        mixed.swapAxes(1, 2).reshape(batch, length, (long) heads * width), name + "c_proj");
  }

  private NDArray linear(NDArray x, String name) {
    return timesTransposed(x, weights.get(name + ".weight"));
  }

  /** The transposed view belongs to the pass, not to the weight's manager. */
  private static NDArray timesTransposed(NDArray x, NDArray weight) {
    NDArray transposed = weight.transpose();
    transposed.attach(x.getManager());
    return x.matMul(transposed);
  }

  private NDArray rmsNorm(NDArray x) {
    return x.div(x.mul(x).mean(new int[] {-1}, true).add(epsilon).sqrt());
  }

  @Override
  public void close() {
    manager.close();
  }
}
