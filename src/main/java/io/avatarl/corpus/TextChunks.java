package io.avatarl.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/**
 * A range of bytes of a UTF-8 text, decoded chunk by chunk. The range's text begins at the first
 * boundary a few bytes after its begin and ends at the first one after its end, where the next
 * range's begins: the chunks of all ranges, one after another, are the text, and a tokenizer that
 * has these boundaries makes the same tokens of them.
 */
public final class TextChunks {
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

  private final BoundaryBuffer buffer;
  private final long to;
  private final CRC32C checksum = new CRC32C();

  /**
   * @param in stands at byte {@code from} of the text
   * @param to the end of the range; may be beyond the text's
   */
  public TextChunks(InputStream in, Boundary boundary, long from, long to) throws IOException {
    this.buffer = new BoundaryBuffer(in, boundary, from);
    this.to = to;
    if (from > 0) {
      buffer.drop(buffer.boundary(BoundaryBuffer.VIEW));
    }
  }

  /**
   * The next chunk; empty where there are no more.
   *
   * @throws NoText at a byte that is NUL or no UTF-8
   */
  public String next() throws IOException {
    long left = to + BoundaryBuffer.VIEW - buffer.position();
    if (left <= 0) {
      return "";
    }
    int length = buffer.boundary((int) Math.min(BoundaryBuffer.CHUNK, left));
    String text = decode(length);
    checksum.update(buffer.bytes(), 0, length);
    buffer.drop(length);
    return text;
  }

  /** Whether the text, not the range alone, has ended. */
  public boolean ended() throws IOException {
    return buffer.ended();
  }

  /** CRC-32C of the bytes of the chunks so far. */
  public long checksum() {
    return checksum.getValue();
  }

  /** Strict, at the speed of a decoder that is not. */
  private String decode(int length) throws IOException {
    byte[] bytes = buffer.bytes();
    String text = new String(bytes, 0, length, StandardCharsets.UTF_8);
    if (text.indexOf('\0') >= 0) {
      for (int i = 0; i < length; i++) {
        if (bytes[i] == 0) {
          throw new NoText(buffer.position() + i, true);
        }
      }
    }
    if (text.indexOf('\ufffd') >= 0) {
      ByteBuffer encoded = ByteBuffer.wrap(bytes, 0, length);
      CoderResult result =
          StandardCharsets.UTF_8
              .newDecoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .onUnmappableCharacter(CodingErrorAction.REPORT)
              .decode(encoded, CharBuffer.allocate(length), true);
      if (result.isError()) {
        throw new NoText(buffer.position() + encoded.position(), false);
      }
    }
    return text;
  }
}
