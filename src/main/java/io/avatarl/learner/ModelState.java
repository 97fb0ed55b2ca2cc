package io.avatarl.learner;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.avatarl.model.Parameters;
import java.util.List;
import java.util.Map;

/**
 * Weights, gradients and moments of a model in training, where they live, and the update that is
 * made of them: {@link HostState} in Java's memory, {@link DeviceState} on the device that
 * differentiates. (ZeRO, arXiv 1910.02054, calls them model states.) Both read and write the same
 * checkpoints.
 */
sealed interface ModelState extends AutoCloseable permits HostState, DeviceState {
  /** The weights by name, on the device that differentiates; valid until the next update. */
  Map<String, NDArray> weights(NDManager scope);

  /**
   * Prepares for slices of a minibatch or of another part of it.
   *
   * @param more whether the gradient of earlier parts will be added to
   */
  void begin(boolean more);

  /**
   * Takes the gradient of a slice of the minibatch. Slices may come from several threads.
   *
   * @param index of the slice
   * @param gradients by name; may be freed after the call
   */
  void take(int index, Map<String, NDArray> gradients);

  /**
   * Makes the gradient the sum of the first {@code slices} slices, in order.
   *
   * @param more adds them to what it is already
   */
  void sum(int slices, boolean more);

  /**
   * Makes the gradient the sum of gradients that were computed elsewhere, in order.
   *
   * @param parts [layout.length()] each; the first may be overwritten
   */
  void sum(List<float[]> parts);

  /**
   * A copy of the gradient, [layout.length()]; after {@link #step} it may be the clipped one, or
   * empty if it was computed elsewhere.
   */
  float[] gradient();

  /** The gradient's Euclidean norm. */
  double norm();

  /**
   * One step of the optimizer.
   *
   * @param update counts from 1
   * @param learningRate from the schedule
   * @param gradientScale multiplies the gradient (for clipping)
   * @return false if weights would not be finite; then they keep their values
   */
  boolean step(long update, double learningRate, double gradientScale);

  /** The weights in host memory, up to date. */
  Parameters parameters();

  /**
   * The optimizer's moments, [2][layout.length()]: averaged gradients, averaged squares. Must not
   * be changed.
   */
  float[][] moments();

  /** Takes the weights from {@link Parameters} in host memory, and these moments. */
  void load(float[][] moments);

  /** Saves weights and moments for {@link #rewind()}. */
  void mark();

  /** Undoes the steps since the last {@link #mark()}. */
  void rewind();

  @Override
  void close();
}
