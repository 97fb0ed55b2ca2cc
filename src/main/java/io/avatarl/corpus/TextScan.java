package io.avatarl.corpus;

import io.avatarl.files.Storage;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * What must be known about a split of a UTF-8 text (a range of bytes) before it can be tokenized. A
 * character belongs to the split that holds its first byte.
 *
 * @param characters number of characters
 * @param codePoints its distinct characters
 * @param bad position in the text of the first byte that is NUL or not UTF-8; −1 if there is none
 */
public record TextScan(long characters, BitSet codePoints, long bad) implements Serializable {
  private static final int BLOCK = 1 << 20;
  private static final int LONGEST_CHARACTER = 4;
  private static final int ASCII = 128;

  /** A byte-order mark; the text begins after it. */
  private static final byte[] MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

  /**
   * Reads a split and at most 3 bytes after it.
   *
   * @param in positioned at byte {@code from} of the text
   */
  public static TextScan of(InputStream in, long from, long to) throws IOException {
    return new Scanner(in, from, to).scan();
  }

  private static final class Scanner {
    private final InputStream in;
    private final long to;
    private final CharsetDecoder utf8 =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    private final ByteBuffer bytes = ByteBuffer.allocate(BLOCK);
    private final CharBuffer text = CharBuffer.allocate(BLOCK);
    private final boolean[] ascii = new boolean[ASCII];
    private final BitSet others = new BitSet();
    private long position; // of the first buffered byte in the text
    private long read; // position after the last buffered byte
    private long characters;

    Scanner(InputStream in, long from, long to) {
      this.in = in;
      this.to = to;
      this.position = from;
      this.read = from;
    }

    TextScan scan() throws IOException {
      boolean first = position > 0;
      boolean end = false;
      while (!end) {
        end = fill();
        bytes.flip();
        if (first) {
          skipContinuation();
          first = false;
        }
        if (position == 0 && beginsWithMark()) {
          bytes.position(MARK.length);
        }
        int start = bytes.position();
        CoderResult result = utf8.decode(bytes, text, end);
        int nul = indexOfNul(start, bytes.position());
        if (nul >= 0 || result.isError()) {
          return new TextScan(0, new BitSet(), position + (nul >= 0 ? nul : bytes.position()));
        }
        count();
        position += bytes.position();
        bytes.compact();
      }
      for (int c = 0; c < ASCII; c++) {
        others.set(c, ascii[c]);
      }
      return new TextScan(characters, others, -1);
    }

    /**
     * Reads on to the end of the block or of the split's last character; true at the end of the
     * split.
     */
    private boolean fill() throws IOException {
      while (bytes.hasRemaining()) {
        int wanted = (int) Math.min(bytes.remaining(), to - read);
        int got = wanted <= 0 ? 0 : in.read(bytes.array(), bytes.position(), wanted);
        if (got < 0) {
          return true;
        }
        bytes.position(bytes.position() + got);
        read += got;
        if (read >= to) {
          return bytes.remaining() >= LONGEST_CHARACTER && finishCharacter();
        }
      }
      return false;
    }

    private boolean finishCharacter() throws IOException {
      for (int i = 0; i < LONGEST_CHARACTER - 1; i++) {
        int b = in.read();
        if (b < 0 || Tokenizer.beginsCharacter((byte) b)) {
          break;
        }
        bytes.put((byte) b);
      }
      return true;
    }

    private boolean beginsWithMark() {
      return bytes.remaining() >= MARK.length
          && Arrays.equals(bytes.array(), 0, MARK.length, MARK, 0, MARK.length);
    }

    private void skipContinuation() {
      for (int i = 0; i < LONGEST_CHARACTER - 1 && bytes.hasRemaining(); i++) {
        if (Tokenizer.beginsCharacter(bytes.get(bytes.position()))) {
          break;
        }
        bytes.get();
      }
    }

    private int indexOfNul(int start, int end) {
      byte[] array = bytes.array();
      for (int i = start; i < end; i++) {
        if (array[i] == 0) {
          return i;
        }
      }
      return -1;
    }

    private void count() {
      char[] array = text.array();
      int length = text.position();
      characters += Character.codePointCount(array, 0, length);
      for (int i = 0; i < length; i++) {
        char c = array[i];
        if (c < ASCII) {
          ascii[c] = true;
        } else if (Character.isHighSurrogate(c)) {
          others.set(Character.toCodePoint(c, array[++i]));
        } else {
          others.set(c);
        }
      }
      text.clear();
    }
  }

  /** Bytes before the text in a file: the length of its byte-order mark, or 0. */
  public static int markLength(Storage storage, String path) throws IOException {
    try (InputStream in = storage.open(path, 0)) {
      return Arrays.equals(in.readNBytes(MARK.length), MARK) ? MARK.length : 0;
    }
  }

  /** The distinct characters of several splits. */
  public static BitSet codePoints(Iterable<TextScan> scans) {
    BitSet all = new BitSet();
    scans.forEach(scan -> all.or(scan.codePoints));
    return all;
  }

  /** Number of characters before each split, and the total as the last entry. */
  public static long[] charactersBefore(List<TextScan> scans) {
    long[] before = new long[scans.size() + 1];
    Arrays.setAll(before, i -> i == 0 ? 0 : scans.get(i - 1).characters);
    Arrays.parallelPrefix(before, Long::sum);
    return before;
  }
}
