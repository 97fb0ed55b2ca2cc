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
 * Decodes a range of bytes of a UTF-8 text, chunk by chunk. A range's text begins at the first
 * boundary a few bytes after the range's start and ends where the next range's text begins. The
 * chunks of all ranges, joined in order, are the text; tokenizing each chunk gives the tokens of
 * the whole.
 */
public final class TextChunks {
  /** Where a text may be cut: {@link Tokenizer#isBoundary} of some tokenizer. */
  public interface Boundary {
    boolean isAt(byte[] utf8, int at);
  }

  /** A byte that is not UTF-8 text. */
  public static final class NoText extends IOException {
    private final long at;
    private final boolean nul;

    NoText(long at, boolean nul) {
      super("byte " + at + (nul ? " is NUL" : " is not UTF-8"));
      this.at = at;
      this.nul = nul;
    }

    /** Position in the text, from 0. */
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
   * @param in positioned at byte {@code from} of the text
   * @param to the end of the range; may be beyond the end of the text
   */
  public TextChunks(InputStream in, Boundary boundary, long from, long to) throws IOException {
    this.buffer = new BoundaryBuffer(in, boundary, from);
    this.to = to;
    if (from > 0) {
      buffer.drop(buffer.boundary(BoundaryBuffer.VIEW));
    }
  }

  /**
   * The next chunk; empty if there are no more.
   *
   * @throws NoText at a byte that is NUL or not UTF-8
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

  /** Whether the whole text, not just the range, has ended. */
  public boolean ended() throws IOException {
    return buffer.ended();
  }

  /** CRC-32C of the bytes of all chunks so far. */
  public long checksum() {
    return checksum.getValue();
  }

  /** Decodes strictly, at the speed of a lenient decoder. */
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
