package io.avatarl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import io.avatarl.config.GptConfig;

/**
 * Keys and values of the tokens a generator has already seen, one pair per layer, each [B·H,
 * capacity, headWidth] with the first {@link #length()} places filled. Keys carry their position
 * (they are cached after the rotation). A model with token shift also has the last token's inputs
 * of attention and of the MLP, one pair per layer, and its embedding, each [B, 1, D].
 */
final class KeyValueCache implements AutoCloseable {
  final NDManager manager; // for the test that counts what it holds
  private final PtNDArray[] arrays; // keys and values of the first layer, of the second, … inputs
  private int rows;
  private int length;

  /**
   * @param rows B
   * @param capacity tokens that will fit
   */
  KeyValueCache(GptConfig config, int rows, int capacity, NDManager parent) {
    this.manager = parent.newSubManager();
    int pairs = 2 * config.layers();
    this.arrays = new PtNDArray[config.tokenShift() ? 2 * pairs + 1 : pairs];
    this.rows = rows;
    Shape shape = new Shape((long) rows * config.heads(), capacity, config.headWidth());
    for (int i = 0; i < arrays.length; i++) {
      arrays[i] =
          (PtNDArray)
              (i < pairs
                  ? manager.create(shape, DataType.FLOAT32)
                  : manager.zeros(new Shape(rows, 1, config.width())));
    }
  }

  /** Tokens in the cache. */
  int length() {
    return length;
  }

  /** Keys and values of the first layer, of the second, …; then inputs, and embedding. */
  PtNDArray[] arrays() {
    return arrays;
  }

  /** Counts the tokens of one forward pass, which wrote their keys and values. */
  void advance(int tokens) {
    length += tokens;
  }

  /** Repeats each row {@code times} times: rows a, b become a, a, b, b. */
  void repeat(int times) {
    for (int i = 0; i < arrays.length; i++) {
      Shape shape = arrays[i].getShape();
      try (NDArray once = arrays[i];
          NDArray row = once.reshape(rows, -1);
          NDArray repeated = row.repeat(0, times)) {
        arrays[i] = (PtNDArray) repeated.reshape(shape.get(0) * times, shape.get(1), shape.get(2));
        arrays[i].attach(manager);
      }
    }
    rows *= times;
  }

  @Override
  public void close() {
    manager.close();
  }
}
