package io.avatarl.spark.ngram;

import io.avatarl.corpus.KeyCounts;
import io.avatarl.corpus.NgramKeys;
import io.avatarl.corpus.SplitTokens;
import io.avatarl.corpus.TextScan;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.files.StorageSettings;
import io.avatarl.spark.transport.TaskValue;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.apache.spark.api.java.function.FlatMapFunction;
import scala.Tuple2;

/**
 * Counts the n-gram keys of one split of a text: (key, count) rows. A key may have several rows if
 * the split has more keys than {@link KeyCounts} holds.
 */
final class NgramTask implements FlatMapFunction<Integer, Tuple2<Long, Long>> {
  private final StorageSettings files;
  private final TaskValue<Tokenizer> tokenizer;
  private final NgramKeys keys;
  private final Text text;

  /**
   * A text and its splits.
   *
   * @param path of the file
   * @param splitBytes length of every split but the last
   * @param charactersBefore number of characters before each split
   * @param characters number of characters to count, from the beginning of the file
   */
  record Text(String path, long splitBytes, long[] charactersBefore, long characters)
      implements Serializable {}

  NgramTask(StorageSettings files, TaskValue<Tokenizer> tokenizer, NgramKeys keys, Text text) {
    this.files = files;
    this.tokenizer = tokenizer;
    this.keys = keys;
    this.text = text;
  }

  @Override
  public Iterator<Tuple2<Long, Long>> call(Integer split) throws IOException {
    return new WindowBatch(split);
  }

  private final class WindowBatch implements Iterator<Tuple2<Long, Long>> {
    private final InputStream in;
    private final SplitTokens tokens;
    private final KeyCounts counts = new KeyCounts();
    private int[] chunk = new int[0];
    private int read; // of the chunk
    private long key;
    private long seen; // tokens added to the key so far
    private boolean ended;
    private long[] rows = new long[0];
    private int next;

    WindowBatch(int split) throws IOException {
      long from = split * text.splitBytes();
      Storage storage = files.storage();
      int mark = split == 0 ? TextScan.markLength(storage, text.path()) : 0;
      in = storage.open(text.path(), from + mark);
      tokens =
          new SplitTokens(
              in,
              tokenizer.value(),
              from,
              from + text.splitBytes() - mark,
              text.characters() - text.charactersBefore()[split]);
    }

    @Override
    public boolean hasNext() {
      try {
        while (next == rows.length && !ended) {
          count();
          rows = counts.drain();
          next = 0;
        }
      } catch (IOException e) {
        throw new UncheckedIOException(text.path(), e);
      }
      return next < rows.length;
    }

    /** Counts until the memory is full or the split is done. */
    private void count() throws IOException {
      int order = keys.order();
      while (!counts.isFull()) {
        if (read == chunk.length) {
          chunk = tokens.next();
          read = 0;
          if (chunk.length == 0) {
            finish();
            return;
          }
        }
        key = keys.next(key, chunk[read++]);
        seen++;
        if (seen >= order) {
          counts.add(key);
        }
      }
    }

    /** The keys of the last positions reach into the next split, or past the end of the text. */
    private void finish() throws IOException {
      int order = keys.order();
      int[] after = seen == 0 ? new int[0] : tokens.ahead(order - 1);
      for (int i = 0; i < order - 1; i++) {
        key = i < after.length ? keys.next(key, after[i]) : keys.end(key);
        // If the split has fewer tokens than an n-gram, the first keys begin before it.
        if (seen + i + 1 >= order) {
          counts.add(key);
        }
      }
      in.close();
      ended = true;
    }

    @Override
    public Tuple2<Long, Long> next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      next += 2;
      return new Tuple2<>(rows[next - 2], rows[next - 1]);
    }
  }
}
