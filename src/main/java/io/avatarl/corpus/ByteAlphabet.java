package io.avatarl.corpus;

import java.util.Arrays;

/**
 * The 256 symbols of byte-level BPE: each byte has one visible character, so that JSON can hold a
 * token of any bytes (GPT-2's {@code bytes_to_unicode}). Printable Latin-1 stands for itself; the
 * other bytes map in order to the characters from U+0100 on.
 *
 * <p>A byte's id is the rank of its symbol, as in GPT-2: '!' is 0.
 */
final class ByteAlphabet {
  static final int SIZE = 256;
  private static final char[] SYMBOL = new char[SIZE];
  private static final int[] ID = new int[SIZE];

  static {
    int shifted = 0;
    for (int b = 0; b < SIZE; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
      SYMBOL[b] = (char) (printable ? b : SIZE + shifted++);
    }
    char[] sorted = SYMBOL.clone();
    Arrays.sort(sorted);
    for (int b = 0; b < SIZE; b++) {
      ID[b] = Arrays.binarySearch(sorted, SYMBOL[b]);
    }
  }

  private ByteAlphabet() {}

  /** The id of a byte, in [0, 256). */
  static int id(byte b) {
    return ID[b & 0xff];
  }

  /** The bytes as symbols. */
  static String symbols(byte... bytes) {
    char[] symbols = new char[bytes.length];
    for (int i = 0; i < symbols.length; i++) {
      symbols[i] = SYMBOL[bytes[i] & 0xff];
    }
    return new String(symbols);
  }

  /**
   * The bytes that symbols stand for.
   *
   * @throws IllegalArgumentException if a character is not one of the symbols
   */
  static byte[] bytes(String symbols) {
    byte[] bytes = new byte[symbols.length()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = value(symbols.charAt(i), symbols);
    }
    return bytes;
  }

  private static byte value(char symbol, String token) {
    if (symbol < SIZE && SYMBOL[symbol] == symbol) {
      return (byte) symbol;
    }
    for (int b = 0; b < SIZE; b++) {
      if (SYMBOL[b] == symbol) {
        return (byte) b;
      }
    }
    throw new IllegalArgumentException("token " + token + " is not made of byte symbols");
  }
}
