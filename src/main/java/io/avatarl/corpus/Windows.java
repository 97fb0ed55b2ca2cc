package io.avatarl.corpus;

import io.avatarl.corpus.RandomStream.Purpose;

/** Draws windows: T+1 consecutive tokens, T inputs and, one further on, their T targets. */
public final class Windows {
  private Windows() {}

  /**
   * Where one shard's windows start, each uniform over every window that fits and independent of
   * the others.
   *
   * @param tokens length of the text the windows are cut from
   * @param context T, in tokens
   * @return offsets [count]
   * @throws IllegalArgumentException where no window fits ({@link Corpus#requireWindows} says so to
   *     the user)
   */
  public static int[] offsets(
      int tokens, int context, int count, long seed, long step, long shard) {
    RandomStream random = RandomStream.of(seed, step, shard, Purpose.WINDOWS);
    int[] offsets = new int[count];
    for (int i = 0; i < count; i++) {
      offsets[i] = random.nextInt(tokens - context);
    }
    return offsets;
  }

  /**
   * Copies windows out of a text.
   *
   * @return packed tokens [count, T+1], one window after another
   */
  public static int[] pack(int[] tokens, int context, int... offsets) {
    int length = context + 1;
    int[] packed = new int[offsets.length * length];
    for (int i = 0; i < offsets.length; i++) {
      System.arraycopy(tokens, offsets[i], packed, i * length, length);
    }
    return packed;
  }

  /**
   * One shard's windows from the training split.
   *
   * @return packed tokens [count, T+1]
   */
  public static int[] draw(
      Corpus corpus, int context, int count, long seed, long step, long shard) {
    int[] train = corpus.train();
    return pack(train, context, offsets(train.length, context, count, seed, step, shard));
  }
}
