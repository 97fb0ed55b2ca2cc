package io.avatarl.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * A range of bytes of a UTF-8 text, decoded chunk by chunk. The range's text begins at the first
 * boundary a few bytes after its begin and ends at the first one after its end, where the next
 * range's begins: the chunks of all ranges, one after another, are the text, and a tokenizer that
 * has these boundaries makes the same tokens of them.
 */
public final class TextChunks {
  private static final int CHUNK = 1 << 20;

  /** Bytes a boundary is told by: the longest character before it. */
  private static final int VIEW = 4;

  /** Where a text may be cut: {@link Tokenizer#isBoundary} of some tokenizer. */
  public interface Boundary {
    boolean isAt(byte[] utf8, int at);
  }

  /** A byte that is no text. */
  public static final class NoText extends IOException {
    private final long at;
    private final boolean nul;

    NoText(long at, boolean nul) {
      super("byte " + at + (nul ? " is NUL" : " is not UTF-8"));
      this.at = at;
      this.nul = nul;
    }

    /** In the text; the first is 0. */
    public long at() {
      return at;
    }

    /** Whether it is NUL, as in binary files and in UTF-16. */
    public boolean isNul() {
      return nul;
    }
  }

  private final InputStream in;
  private final Boundary boundary;
  private final long to;
  private final CRC32C checksum = new CRC32C();

  private byte[] bytes = new byte[CHUNK + CHUNK / 4];
  private int size;
  private long position; // in the text, of bytes[0]: where the next chunk begins
  private boolean exhausted;

  /**
   * @param in stands at byte {@code from} of the text
   * @param to the end of the range; may be beyond the text's
   */
  public TextChunks(InputStream in, Boundary boundary, long from, long to) throws IOException {
    this.in = in;
    this.boundary = boundary;
    this.to = to;
    this.position = from;
    if (from > 0) {
      drop(boundary(VIEW));
    }
  }

  /**
   * The next chunk; empty where there are no more.
   *
   * @throws NoText at a byte that is NUL or no UTF-8
   */
  public String next() throws IOException {
    if (position >= to + VIEW) {
      return "";
    }
    int length = boundary((int) Math.min(CHUNK, Math.max(1, to + VIEW - position)));
    String text = decode(length);
    checksum.update(bytes, 0, length);
    drop(length);
    return text;
  }

  /** Whether the text, not the range alone, has ended. */
  public boolean ended() throws IOException {
    return size == 0 && !fill(0);
  }

  /** CRC-32C of the bytes of the chunks so far. */
  public long checksum() {
    return checksum.getValue();
  }

  /** Strict, at the speed of a decoder that is not. */
  private String decode(int length) throws IOException {
    String text = new String(bytes, 0, length, StandardCharsets.UTF_8);
    if (text.indexOf('\0') >= 0) {
      for (int i = 0; i < length; i++) {
        if (bytes[i] == 0) {
          throw new NoText(position + i, true);
        }
      }
    }
    if (text.indexOf('\ufffd') >= 0) {
      ByteBuffer buffer = ByteBuffer.wrap(bytes, 0, length);
      CoderResult result =
          StandardCharsets.UTF_8
              .newDecoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .onUnmappableCharacter(CodingErrorAction.REPORT)
              .decode(buffer, CharBuffer.allocate(length), true);
      if (result.isError()) {
        throw new NoText(position + buffer.position(), false);
      }
    }
    return text;
  }

  /** The first boundary at {@code at} or after, or the end of the text. */
  private int boundary(int at) throws IOException {
    while (true) {
      if (at >= size && !fill(at)) {
        return size;
      }
      if (boundary.isAt(bytes, at)) {
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

  private void drop(int length) {
    System.arraycopy(bytes, length, bytes, 0, size - length);
    size -= length;
    position += length;
  }
}
