package io.avatarl.learner;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.avatarl.config.GptConfig;
import io.avatarl.config.LearnerConfig;
import io.avatarl.model.Distributions;
import io.avatarl.model.Gpt;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The gradient of the loss over some windows: one forward and one backward pass. A slice of the
 * driver's minibatch and the shard of an executor's task run the same code. Thread-safe.
 */
public final class LossGradient implements AutoCloseable {
  final NDManager manager; // for the test that counts what it holds
  private final Gpt gpt;
  private final Objective objective;
  private final boolean recompute;

  /** The gradient of {@link PolicyLoss}. */
  public LossGradient(LearnerConfig config, GptConfig model, Device device) {
    this(config, model, device, new PolicyLoss(config));
  }

  LossGradient(LearnerConfig config, GptConfig model, Device device, Objective objective) {
    this.recompute = config.recompute();
    this.manager = NDManager.newBaseManager(device);
    this.gpt = new Gpt(model, manager);
    this.objective = objective;
  }

  /** The model; closed with this object. */
  public Gpt gpt() {
    return gpt;
  }

  /**
   * Runs the model and keeps what the backward pass needs, until the result is closed.
   *
   * @param parameters must not change until the result is closed
   * @param windows B
   * @param inputs [B·T]
   * @param position in a window of the first group that will be scored
   */
  public Forward forward(Parameters parameters, int windows, long[] inputs, int first) {
    return forward(parameters.layout(), parameters::tensors, windows, inputs, first);
  }

  /**
   * @param weights gives the parameters by name; they must not change until the result is closed
   */
  Forward forward(
      ParameterLayout layout,
      Function<NDManager, Map<String, NDArray>> weights,
      int windows,
      long[] inputs,
      int first) {
    NDManager scope = manager.newSubManager();
    try {
      NDArray tokens = scope.create(inputs, new Shape(windows, inputs.length / windows));
      return new Forward(scope, layout, gpt.trace(weights.apply(scope), tokens, first, recompute));
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  /**
   * Copies gradients to host memory.
   *
   * @param gradient [layout.length()], filled except for the layout's gaps
   */
  static void copy(ParameterLayout layout, Map<String, NDArray> gradients, float[] gradient) {
    for (ParameterLayout.Parameter p : layout.parameters()) {
      gradients
          .get(p.name())
          .toByteBuffer(true)
          .order(ByteOrder.nativeOrder())
          .asFloatBuffer()
          .get(gradient, p.offset(), p.size());
    }
  }

  /** A forward pass that may still be differentiated, once. */
  public final class Forward implements AutoCloseable {
    private final NDManager scope;
    private final ParameterLayout layout;
    private final Gpt.Trace trace;
    private final NDArray logits; // [B, T - first, V]

    private Forward(NDManager scope, ParameterLayout layout, Gpt.Trace trace) {
      this.scope = scope;
      this.layout = layout;
      this.trace = trace;
      this.logits = trace.logits();
    }

    /** The policy's distributions at those positions, until this object is closed. */
    public Distributions distributions() {
      return trace.distributions();
    }

    /**
     * Differentiates the loss.
     *
     * @param slice the groups of the windows in the forward pass
     * @param groups number of groups in the whole minibatch, over which the loss is a mean
     * @param klWeight weight of the KL term
     * @param gradient [layout.length()], filled except for the layout's gaps
     */
    public LossSums backward(Minibatch slice, int groups, double klWeight, float[] gradient) {
      return backward(slice, groups, klWeight, gradients -> copy(layout, gradients, gradient));
    }

    /**
     * @param sink gets the gradients by name, on the device; they are freed with this object
     */
    LossSums backward(
        Minibatch slice, int groups, double klWeight, Consumer<Map<String, NDArray>> sink) {
      Shape entries = new Shape(slice.groups(), slice.actionsPerGroup());
      Objective.Batch batch =
          new Objective.Batch(
              slice.actions().map(a -> scope.create(a, entries)),
              scope.create(slice.weights(), entries, DataType.FLOAT32),
              scope.create(slice.oldLogProbs(), entries, DataType.FLOAT32),
              scope.create(slice.advantages(), entries, DataType.FLOAT32),
              reference(slice, klWeight));
      NDArray rows = logits.reshape(slice.groups(), logits.getShape().get(2));
      Objective.Value value = objective.value(rows, batch, 1.0 / groups);
      sink.accept(trace.backward(value.gradient().reshape(logits.getShape())));
      return value.sums();
    }

    private Optional<Objective.Reference> reference(Minibatch slice, double klWeight) {
      if (slice.referenceWidth() == 0) {
        return Optional.empty();
      }
      Shape shape = new Shape(slice.groups(), slice.referenceWidth());
      return Optional.of(
          new Objective.Reference(
              scope.create(slice.reference(), shape, DataType.FLOAT32), klWeight));
    }

    @Override
    public void close() {
      trace.close();
      scope.close();
    }
  }

  @Override
  public void close() {
    gpt.close();
    manager.close();
  }
}
