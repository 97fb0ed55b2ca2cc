package io.avatarl.bench;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.Windows;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.Parameters;
import java.util.Map;

/**
 * (c) The yardstick: next-token cross-entropy training in plain DJL. The same model as DJL
 * operations ({@link AutogradGpt}) is differentiated by DJL's gradient collector and updated by
 * DJL's AdamW; each operation uses all threads. Units: tokens, each of which is a state.
 */
final class PlainDjl implements Benchmark {
  private final TrainingConfig config;
  private final Corpus corpus;
  private final int threads;
  private final NDManager manager = NDManager.newBaseManager();
  private final Map<String, NDArray> weights;
  private final AutogradGpt model;
  private final Optimizer optimizer;
  private long step;

  /**
   * @param parameters initial values; updated in place; must outlive this object
   * @param threads of each operation
   */
  PlainDjl(TrainingConfig config, Corpus corpus, Parameters parameters, int threads) {
    NativeEngine.load(config.nativeThreads());
    this.config = config;
    this.corpus = corpus;
    this.threads = threads;
    this.weights = parameters.tensors(manager);
    weights.values().forEach(weight -> weight.setRequiresGradient(true));
    this.model = new AutogradGpt(config.model(), manager);
    this.optimizer =
        Optimizer.adamW()
            .optLearningRateTracker(
                Tracker.fixed((float) config.learner().optimizer().learningRate()))
            .optBeta1((float) config.learner().optimizer().beta1())
            .optBeta2((float) config.learner().optimizer().beta2())
            .optWeightDecays((float) config.learner().optimizer().weightDecay())
            .build();
  }

  @Override
  public Measurement run(double seconds) {
    JniUtils.setNumThreads(threads);
    try {
      return Benchmark.repeating(
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
    int[] drawn = Windows.draw(corpus.train(), context, windows, config.seed(), step++, 0, 1);
    try (NDManager scope = manager.newSubManager()) {
      NDArray rows =
          scope.create(drawn, new Shape(windows, context + 1)).toType(DataType.INT64, false);
      float loss;
      try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
        NDArray targets = rows.get(new NDIndex(":, 1:")).reshape(-1, 1);
        NDArray mean =
            model
                .logits(weights, rows.get(new NDIndex(":, :-1")))
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

  @Override
  public void close() {
    model.close();
    manager.close();
  }
}
