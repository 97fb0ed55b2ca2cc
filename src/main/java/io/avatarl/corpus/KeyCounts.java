package io.avatarl.corpus;

import java.util.Arrays;

/**
 * Counts keys in bounded memory: after at most 3 million keys (56 MB) it must be drained. Open
 * addressing with linear probing; for the many repeated keys of a text it is several times faster
 * than a map of objects.
 */
public final class KeyCounts {
  private static final int SMALLEST = 1 << 12;
  private static final int LARGEST = 1 << 22;
  private static final long GOLDEN = 0x9E3779B97F4A7C15L; // 2^64 / golden ratio: spreads high bits

  private long[] keys = new long[SMALLEST];
  private int[] counts = new int[SMALLEST]; // 0: the slot is free
  private int size;

  /** Counts one occurrence. Must not be called if {@link #isFull}. */
  public void add(long key) {
    int slot = slot(key);
    if (counts[slot] == 0) {
      keys[slot] = key;
      size++;
    }
    counts[slot]++;
    if (size > limit() && keys.length < LARGEST) {
      grow();
    }
  }

  private int limit() {
    return keys.length / 4 * 3;
  }

  private int slot(long key) {
    int slot = (int) ((key * GOLDEN) >>> (Long.numberOfLeadingZeros(keys.length) + 1));
    while (counts[slot] != 0 && keys[slot] != key) {
      slot = (slot + 1) & (keys.length - 1);
    }
    return slot;
  }

  private void grow() {
    long[] oldKeys = keys;
    int[] oldCounts = counts;
    keys = new long[oldKeys.length * 2];
    counts = new int[keys.length];
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldCounts[i] > 0) {
        int slot = slot(oldKeys[i]);
        keys[slot] = oldKeys[i];
        counts[slot] = oldCounts[i];
      }
    }
  }

  /** Whether it must be drained before the next {@link #add}. */
  public boolean isFull() {
    return size >= limit() && keys.length == LARGEST;
  }

  /**
   * Empties it.
   *
   * @return each key, in no order, followed by its count
   */
  public long[] drain() {
    long[] drained = new long[size * 2];
    int n = 0;
    for (int i = 0; i < keys.length; i++) {
      if (counts[i] > 0) {
        drained[n++] = keys[i];
        drained[n++] = counts[i];
      }
    }
    Arrays.fill(counts, 0);
    size = 0;
    return drained;
  }
}
