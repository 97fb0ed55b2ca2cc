package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.avatarl.config.OptimizerConfig;
import io.avatarl.model.Parameters;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * State in Java's memory. The model's tensors share the memory of {@link Parameters} on the CPU;
 * the update is a pass of an {@link Optimizer} over arrays.
 */
final class HostState implements ModelState {
  private final Parameters parameters;
  private final float[] values;
  private final Optimizer optimizer;
  private final Ranges ranges;
  private final float[][] slices;
  private float[] gradient = new float[0];
  private float[] spare; // of minibatches in several parts
  private float[][] marked; // values and moments

  /**
   * @param slices most parts of a minibatch
   */
  HostState(Parameters parameters, OptimizerConfig config, Ranges ranges, int slices) {
    this.parameters = parameters;
    this.values = parameters.toArray();
    this.optimizer = Optimizer.of(parameters.layout(), config, ranges);
    this.ranges = ranges;
    this.slices = new float[slices][];
  }

  @Override
  public Map<String, NDArray> weights(NDManager scope) {
    return parameters.tensors(scope);
  }

  @Override
  public void begin(boolean more) {
    if (more && gradient == slices[0]) { // what is added to must not be written to
      slices[0] = spare;
      spare = gradient;
    }
  }

  @Override
  public void take(int index, Map<String, NDArray> gradients) {
    if (slices[index] == null) { // never needed if others differentiate
      slices[index] = new float[values.length];
    }
    LossGradient.copy(parameters.layout(), gradients, slices[index]);
  }

  @Override
  public void sum(int count, boolean more) {
    List<float[]> parts = Arrays.asList(slices).subList(0, count);
    if (more) {
      add(gradient, parts);
    } else {
      sum(parts);
    }
  }

  @Override
  public void sum(List<float[]> parts) {
    gradient = parts.get(0);
    add(gradient, parts.subList(1, parts.size()));
  }

  private void add(float[] target, List<float[]> others) {
    ranges.run(
        target.length,
        (from, to) -> {
          for (float[] other : others) {
            add(target, other, from, to);
          }
        });
  }

  // A separate method, so that the JIT vectorizes the loop.
  private static void add(float[] target, float[] other, int from, int to) {
    for (int j = from; j < to; j++) {
      target[j] += other[j];
    }
  }

  @Override
  public float[] gradient() {
    return gradient.clone();
  }

  @Override
  public double norm() {
    return Learner.norm(gradient);
  }

  @Override
  public boolean step(long update, double learningRate, double gradientScale) {
    optimizer.step(update, learningRate, values, gradient, (float) gradientScale);
    if (gradient != slices[0] && gradient != spare) { // somebody else's, who may want its memory
      gradient = new float[0];
    }
    if (!finite(values)) {
      parameters.values().get(0, values);
      return false;
    }
    parameters.set(values);
    return true;
  }

  /**
   * Whether no value is infinite or NaN. Works on the bits, because the JIT vectorizes an integer
   * maximum but not a sum of floats.
   */
  private static boolean finite(float[] values) {
    int largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Float.floatToRawIntBits(value) & Integer.MAX_VALUE);
    }
    return largest < Float.floatToRawIntBits(Float.POSITIVE_INFINITY);
  }

  @Override
  public Parameters parameters() {
    return parameters;
  }

  @Override
  public float[][] moments() {
    return new float[][] {optimizer.firstMoment(), optimizer.secondMoment()};
  }

  @Override
  public void load(float[][] moments) {
    System.arraycopy(moments[0], 0, optimizer.firstMoment(), 0, moments[0].length);
    System.arraycopy(moments[1], 0, optimizer.secondMoment(), 0, moments[1].length);
    parameters.values().get(0, values);
  }

  @Override
  public void mark() {
    if (marked == null) {
      marked = new float[3][values.length];
    }
    float[][] now = {values, optimizer.firstMoment(), optimizer.secondMoment()};
    for (int i = 0; i < now.length; i++) {
      System.arraycopy(now[i], 0, marked[i], 0, values.length);
    }
  }

  @Override
  public void rewind() {
    parameters.set(marked[0]);
    load(new float[][] {marked[1], marked[2]});
  }

  @Override
  public void close() {}
}
