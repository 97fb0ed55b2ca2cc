package io.avatarl.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** A buffer over the unread part of a UTF-8 text, which finds where a tokenizer may cut it. */
final class BoundaryBuffer {
  static final int CHUNK = 1 << 20;

  /** Bytes needed to tell a boundary: the longest character before it. */
  static final int VIEW = 4;

  private final InputStream in;
  private final TextChunks.Boundary boundary;

  private byte[] bytes = new byte[CHUNK + CHUNK / 4];
  private int size;
  private long position;
  private boolean exhausted;

  /**
   * @param in positioned at byte {@code from} of the text
   */
  BoundaryBuffer(InputStream in, TextChunks.Boundary boundary, long from) {
    this.in = in;
    this.boundary = boundary;
    this.position = from;
  }

  /** The text's bytes from {@link #position} on; valid until the next call on this object. */
  byte[] bytes() {
    return bytes;
  }

  /** The position in the text of the first buffered byte. */
  long position() {
    return position;
  }

  /** Whether the buffer is empty and the text is known to have ended. */
  boolean isSpent() {
    return size == 0 && exhausted;
  }

  /** The first boundary at {@code at} or after, or the end of the text. */
  int boundary(int at) throws IOException {
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

  /** Whether the text has ended; reads on to find out. */
  boolean ended() throws IOException {
    return size == 0 && !fill(0);
  }

  /** Reads on; returns whether there is then a byte at {@code at}. */
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

  /** Discards the first {@code length} bytes. */
  void drop(int length) {
    System.arraycopy(bytes, length, bytes, 0, size - length);
    size -= length;
    position += length;
  }
}
