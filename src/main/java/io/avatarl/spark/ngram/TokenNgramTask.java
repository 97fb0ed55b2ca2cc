package io.avatarl.spark.ngram;

import io.avatarl.corpus.KeyCounts;
import io.avatarl.corpus.NgramKeys;
import io.avatarl.corpus.Tokens;
import io.avatarl.spark.transport.TaskValue;
import java.io.Serializable;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.apache.spark.api.java.function.FlatMapFunction;
import scala.Tuple2;

/**
 * Counts the n-gram keys that begin in a stretch of tokens: (key, count) rows. A key may have
 * several rows if the stretch has more keys than {@link KeyCounts} holds.
 */
final class TokenNgramTask implements FlatMapFunction<Integer, Tuple2<Long, Long>> {
  private static final int CHUNK = 1 << 20;

  private final TaskValue<Tokens> tokens;
  private final NgramKeys keys;
  private final Stretch[] stretches;

  /** Positions [from, to) of a split. */
  record Stretch(long from, long to) implements Serializable {}

  TokenNgramTask(TaskValue<Tokens> tokens, NgramKeys keys, Stretch[] stretches) {
    this.tokens = tokens;
    this.keys = keys;
    this.stretches = stretches;
  }

  @Override
  public Iterator<Tuple2<Long, Long>> call(Integer stretch) {
    return new Rows(stretches[stretch]);
  }

  private final class Rows implements Iterator<Tuple2<Long, Long>> {
    private final Stretch stretch;
    private final KeyCounts counts = new KeyCounts();
    private int[] chunk = new int[0];
    private int read; // of the chunk
    private long next; // position in the split after the chunk
    private long taken; // tokens added to the key so far, including ends of the text
    private long key;
    private long[] rows = new long[0];
    private int row;

    Rows(Stretch stretch) {
      this.stretch = stretch;
      this.next = stretch.from;
    }

    @Override
    public boolean hasNext() {
      // The key of the last position needs the next order − 1 tokens.
      long all = stretch.to - stretch.from + keys.order() - 1;
      while (row == rows.length && taken < all) {
        while (taken < all && !counts.isFull()) {
          key = step();
          if (++taken >= keys.order()) {
            counts.add(key);
          }
        }
        rows = counts.drain();
        row = 0;
      }
      return row < rows.length;
    }

    private long step() {
      if (read == chunk.length) {
        long length = tokens.value().length();
        if (next == length) {
          return keys.end(key);
        }
        long wanted = stretch.to + keys.order() - 1 - next;
        chunk = tokens.value().read(next, (int) Math.min(Math.min(CHUNK, wanted), length - next));
        next += chunk.length;
        read = 0;
      }
      return keys.next(key, chunk[read++]);
    }

    @Override
    public Tuple2<Long, Long> next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      row += 2;
      return new Tuple2<>(rows[row - 2], rows[row - 1]);
    }
  }

  /**
   * Stretches of a split.
   *
   * @param most most tokens in all stretches; if the split has more, they are evenly spaced
   * @param longest most tokens in one stretch
   */
  static Stretch[] stretches(long length, long most, long longest) {
    long counted = Math.min(length, most);
    int count = (int) Math.max(1, (counted + longest - 1) / longest);
    Stretch[] stretches = new Stretch[count];
    Arrays.setAll(
        stretches,
        i -> {
          long begin = counted * i / count;
          long size = counted * (i + 1) / count - begin;
          // Without gaps if everything is counted, else with equal gaps.
          long gap = count == 1 ? 0 : (length - counted) / (count - 1) * i;
          return new Stretch(begin + gap, begin + gap + size);
        });
    return stretches;
  }
}
