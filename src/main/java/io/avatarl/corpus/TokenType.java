package io.avatarl.corpus;

import java.util.Locale;

/**
 * How a token is stored: an unsigned or non-negative integer, little-endian. Constants are NumPy's
 * type names.
 */
public enum TokenType {
  UINT8(1),
  UINT16(2),
  INT32(4);

  private final int bytes;

  TokenType(int bytes) {
    this.bytes = bytes;
  }

  /** The narrowest type that holds the tokens of a vocabulary. */
  public static TokenType of(int vocabularySize) {
    if (vocabularySize <= 1 << 8) {
      return UINT8;
    }
    return vocabularySize <= 1 << 16 ? UINT16 : INT32;
  }

  /** Bytes of one token. */
  public int bytes() {
    return bytes;
  }

  /** NumPy's name. */
  public String numpy() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The bytes of tokens[from, to). */
  public byte[] encode(int[] tokens, int from, int to) {
    byte[] out = new byte[Math.multiplyExact(to - from, bytes)];
    int at = 0;
    for (int i = from; i < to; i++) {
      int token = tokens[i];
      for (int b = 0; b < bytes; b++) {
        out[at++] = (byte) (token >>> Byte.SIZE * b);
      }
    }
    return out;
  }

  /** Tokens from bytes into {@code tokens[offset, offset + count)}. */
  public void decode(byte[] in, int from, int[] tokens, int offset, int count) {
    int at = from;
    for (int i = offset; i < offset + count; i++) {
      int token = 0;
      for (int b = 0; b < bytes; b++) {
        token |= (in[at++] & 0xff) << Byte.SIZE * b;
      }
      tokens[i] = token;
    }
  }
}
