package io.avatarl.corpus;

import java.io.Serializable;
import java.util.Arrays;

/**
 * Tokens in memory, 4 bytes each.
 *
 * @param values shared, not copied: do not write to them
 */
public record TokenArray(int[] values) implements Tokens {
  @Override
  public long length() {
    return values.length;
  }

  @Override
  public int[] read(long from, int count) {
    int start = Math.toIntExact(from);
    return Arrays.copyOfRange(values, start, start + count);
  }

  @Override
  public int[] toArray() {
    return values;
  }

  /** The serialized form, in as few bytes as the tokens need. */
  private Object writeReplace() {
    TokenType type = TokenType.of(Arrays.stream(values).max().orElse(0) + 1);
    return new Packed(type, type.encode(values, 0, values.length));
  }

  private record Packed(TokenType type, byte[] bytes) implements Serializable {
    private Object readResolve() {
      int[] values = new int[bytes.length / type.bytes()];
      type.decode(bytes, 0, values, 0, values.length);
      return new TokenArray(values);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TokenArray that && Arrays.equals(values, that.values);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return values.length + " tokens";
  }
}
