package io.avatarl.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The tokens of one split of a text that is too long for memory, chunk by chunk, and some after
 * them. The chunks of all splits, one after another, are the tokens of the whole text.
 *
 * <p>A split is a range of bytes. Its tokens begin at the first {@link Tokenizer#isBoundary
 * boundary} a few bytes after its begin and end at the first one after its end, where the next
 * split's begin.
 */
public final class SplitTokens {
  private static final int CHUNK = 1 << 20;
  private static final int AHEAD = 1 << 10;

  /** Bytes that decide a boundary: the longest character before it. */
  private static final int VIEW = 4;

  private final InputStream in;
  private final Tokenizer tokenizer;
  private final long to;
  private long characters; // still to come before the text ends

  private byte[] bytes = new byte[CHUNK + CHUNK / 4];
  private int size;
  private long position; // in the text, of bytes[0]: where the next chunk begins
  private boolean exhausted;
  private boolean ended;

  /**
   * @param in stands at byte {@code from} of the text
   * @param characters of the text from {@code from} on; what follows them is not read (a character
   *     belongs where its first byte is)
   */
  public SplitTokens(InputStream in, Tokenizer tokenizer, long from, long to, long characters)
      throws IOException {
    this.in = in;
    this.tokenizer = tokenizer;
    this.to = to;
    this.characters = characters;
    this.position = from;
    if (from > 0) {
      int start = boundary(VIEW);
      this.characters -= beginnings(start);
      drop(start);
    }
    ended = size == 0 && exhausted || this.characters <= 0;
  }

  /** The next tokens of the split; empty where there are no more. */
  public int[] next() throws IOException {
    int[] tokens = new int[0];
    while (tokens.length == 0 && !ended && position < to + VIEW) {
      tokens = chunk((int) Math.min(CHUNK, to + VIEW - position));
    }
    return tokens;
  }

  /** At least {@code count} tokens after the split's; fewer where the text ends. */
  public int[] ahead(int count) throws IOException {
    int[] tokens = new int[0];
    while (tokens.length < count && !ended) {
      int[] more = chunk(AHEAD);
      int before = tokens.length;
      tokens = Arrays.copyOf(tokens, before + more.length);
      System.arraycopy(more, 0, tokens, before, more.length);
    }
    return tokens;
  }

  private int[] chunk(int atLeast) throws IOException {
    int length = boundary(atLeast);
    long begun = beginnings(length);
    String text = new String(bytes, 0, length, StandardCharsets.UTF_8);
    if (begun >= characters) {
      text = text.substring(0, text.offsetByCodePoints(0, (int) characters));
      ended = true;
    }
    characters -= begun;
    drop(length);
    ended |= size == 0 && exhausted;
    return tokenizer.encode(text);
  }

  /** The first boundary at {@code at} or after, or the end of the text. */
  private int boundary(int at) throws IOException {
    while (true) {
      if (at >= size && !fill(at)) {
        return size;
      }
      if (tokenizer.isBoundary(bytes, at)) {
        return at;
      }
      at++;
    }
  }

  /** Reads on; whether there is a byte at {@code at} then. */
  private boolean fill(int at) throws IOException {
    while (!exhausted && size <= at) {
      if (size == bytes.length) {
        bytes = Arrays.copyOf(bytes, Math.addExact(size, size / 2));
      }
      int got = in.read(bytes, size, bytes.length - size);
      exhausted = got < 0;
      size += Math.max(got, 0);
    }
    return size > at;
  }

  private long beginnings(int length) {
    long count = 0;
    for (int i = 0; i < length; i++) {
      count += Tokenizer.beginsCharacter(bytes[i]) ? 1 : 0;
    }
    return count;
  }

  private void drop(int length) {
    System.arraycopy(bytes, length, bytes, 0, size - length);
    size -= length;
    position += length;
  }
}
