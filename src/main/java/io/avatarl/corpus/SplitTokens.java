package io.avatarl.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads the tokens of one split of a text that is too long for memory, chunk by chunk, and some of
 * the tokens after it. The chunks of all splits, joined in order, are the tokens of the whole text.
 *
 * <p>A split is a range of bytes. Its tokens begin at the first {@link Tokenizer#isBoundary
 * boundary} a few bytes after its begin and end at the first one after its end, where the next
 * split's begin.
 */
public final class SplitTokens {
  private static final int AHEAD = 1 << 10;

  private final BoundaryBuffer buffer;
  private final Tokenizer tokenizer;
  private final long to;
  private long characters; // left before the text ends

  private boolean ended;

  /**
   * @param in positioned at byte {@code from} of the text
   * @param characters of the text from {@code from} on; reading stops after them (a character
   *     belongs to the split that holds its first byte)
   */
  public SplitTokens(InputStream in, Tokenizer tokenizer, long from, long to, long characters)
      throws IOException {
    this.buffer = new BoundaryBuffer(in, tokenizer::isBoundary, from);
    this.tokenizer = tokenizer;
    this.to = to;
    this.characters = characters;
    if (from > 0) {
      int start = buffer.boundary(BoundaryBuffer.VIEW);
      this.characters -= beginnings(start);
      buffer.drop(start);
    }
    ended = buffer.isSpent() || this.characters <= 0;
  }

  /** The next tokens of the split; empty if there are no more. */
  public int[] next() throws IOException {
    int[] tokens = new int[0];
    while (tokens.length == 0 && !ended && buffer.position() < to + BoundaryBuffer.VIEW) {
      tokens =
          chunk((int) Math.min(BoundaryBuffer.CHUNK, to + BoundaryBuffer.VIEW - buffer.position()));
    }
    return tokens;
  }

  /** At least {@code count} tokens after the split; fewer at the end of the text. */
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
    int length = buffer.boundary(atLeast);
    long begun = beginnings(length);
    String text = new String(buffer.bytes(), 0, length, StandardCharsets.UTF_8);
    if (begun >= characters) {
      text = text.substring(0, text.offsetByCodePoints(0, (int) characters));
      ended = true;
    }
    characters -= begun;
    buffer.drop(length);
    ended |= buffer.isSpent();
    return tokenizer.encode(text);
  }

  private long beginnings(int length) {
    byte[] bytes = buffer.bytes();
    long count = 0;
    for (int i = 0; i < length; i++) {
      count += Tokenizer.beginsCharacter(bytes[i]) ? 1 : 0;
    }
    return count;
  }
}
