package io.avatarl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/**
 * Keys and values of the tokens a generator has already seen, one pair per layer, each [B, H,
 * length, headWidth]. Keys carry their position (they are cached after the rotation).
 */
final class KeyValueCache implements AutoCloseable {
  final NDManager manager; // for the test that counts what it holds
  private final NDArray[] keys;
  private final NDArray[] values;
  private int length;

  KeyValueCache(int layers, NDManager parent) {
    this.manager = parent.newSubManager();
    this.keys = new NDArray[layers];
    this.values = new NDArray[layers];
  }

  /** Tokens in the cache. */
  int length() {
    return length;
  }

  /** Counts the tokens of one forward pass, after its last layer. */
  void advance(int tokens) {
    length += tokens;
  }

  /** Appends the new tokens' keys [B, H, n, headWidth]; returns all keys. */
  NDArray appendKeys(int layer, NDArray fresh) {
    return append(keys, layer, fresh);
  }

  /** Appends the new tokens' values [B, H, n, headWidth]; returns all values. */
  NDArray appendValues(int layer, NDArray fresh) {
    return append(values, layer, fresh);
  }

  /** Makes every row {@code times} rows, one after another. */
  void repeat(int times) {
    for (NDArray[] cache : new NDArray[][] {keys, values}) {
      for (int layer = 0; layer < cache.length; layer++) {
        NDArray once = cache[layer];
        cache[layer] = once.repeat(0, times);
        cache[layer].attach(manager);
        once.close();
      }
    }
  }

  private NDArray append(NDArray[] cache, int layer, NDArray fresh) {
    NDArray old = cache[layer];
    NDArray all = old == null ? fresh.duplicate() : old.concat(fresh, 2);
    all.attach(manager);
    if (old != null) {
      old.close();
    }
    cache[layer] = all;
    return all;
  }

  @Override
  public void close() {
    manager.close();
  }
}
