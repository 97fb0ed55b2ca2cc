package io.avatarl.corpus;

import io.avatarl.corpus.RandomStream.Purpose;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Draws windows of T+1 consecutive tokens: T inputs and their T targets, shifted by one. */
public final class Windows {
  private Windows() {}

  /**
   * Start offsets of one shard's windows, each independent and uniform over all windows that fit.
   *
   * @param tokens length of the text
   * @param context T, in tokens
   * @return offsets [count]
   * @throws IllegalArgumentException if no window fits ({@link Corpus#requireWindows} is the check
   *     for users)
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

  /** Places in {@link StoredTokens} that one shard's windows come from. */
  static final int PLACES = 4;

  /**
   * One shard's windows from the training split.
   *
   * <p>From {@link TokenArray memory}, each window is independent and uniform. From {@link
   * StoredTokens files}, a lone window would cost a request, so each shard reads from {@value
   * #PLACES} places. The {@code shards ×} {@value #PLACES} places of a step are evenly spaced over
   * the text from a random start that the step draws (systematic sampling). A place stands for the
   * block around it; the shard's windows take turns among its places and are uniform in their
   * block. A block is drawn in proportion to its number of windows, so every window has the same
   * chance. If the text has more blocks than the step has places, no two places share a block.
   *
   * @param shards number of shards in the step
   * @param shard in [0, shards)
   * @return packed tokens [count, T+1]
   */
  public static int[] draw(
      Tokens tokens, int context, int count, long seed, long step, int shard, int shards) {
    if (tokens instanceof TokenArray array) {
      int[] values = array.values();
      return pack(values, context, offsets(values.length, context, count, seed, step, shard));
    }
    StoredTokens stored = (StoredTokens) tokens;
    long windows = tokens.length() - context;
    if (windows <= 0) {
      throw new IllegalArgumentException("no window fits into " + tokens.length() + " tokens");
    }
    long[] starts = starts(windows, count, seed, step, shard, shards);
    int places = Math.min(PLACES, count);
    List<CompletableFuture<int[]>> blocks = new ArrayList<>();
    for (int p = 0; p < places; p++) {
      long[] own = new long[(count - p + places - 1) / places];
      for (int i = 0; i < own.length; i++) {
        own[i] = starts[i * places + p];
      }
      blocks.add(stored.windows(own[0] / StoredTokens.PLACE, context, own));
    }
    // Already known, and the network is idle while the policy computes.
    for (long place : places(windows, count, seed, step + 1, shard, shards)) {
      stored.prefetch(place);
    }
    int length = context + 1;
    int[] packed = new int[count * length];
    for (int p = 0; p < places; p++) {
      int[] part = BlockCache.await(blocks.get(p));
      for (int i = 0; i < part.length / length; i++) {
        System.arraycopy(part, i * length, packed, (i * places + p) * length, length);
      }
    }
    return packed;
  }

  /**
   * Where one shard's windows of {@link StoredTokens} start; see {@link #draw}.
   *
   * @param windows that fit
   * @return starts [count]
   */
  static long[] starts(long windows, int count, long seed, long step, int shard, int shards) {
    long[] places = places(windows, count, seed, step, shard, shards);
    RandomStream random = RandomStream.of(seed, step, shard, Purpose.WINDOWS);
    long[] starts = new long[count];
    for (int i = 0; i < count; i++) {
      long from = places[i % places.length] * StoredTokens.PLACE;
      starts[i] = from + random.nextInt((int) Math.min(StoredTokens.PLACE, windows - from));
    }
    return starts;
  }

  /** The blocks of a shard's windows. */
  private static long[] places(
      long windows, int count, long seed, long step, int shard, int shards) {
    long start = RandomStream.of(seed, step, 0, Purpose.PLACES).nextLong(windows);
    long all = (long) shards * PLACES;
    long[] places = new long[Math.min(PLACES, count)];
    for (int p = 0; p < places.length; p++) {
      long turn = (long) shard * PLACES + p;
      // turn · windows / all without overflow.
      long along = windows / all * turn + windows % all * turn / all;
      places[p] = (start + along) % windows / StoredTokens.PLACE;
    }
    return places;
  }
}
