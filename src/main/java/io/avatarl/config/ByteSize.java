package io.avatarl.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValueFactory;
import java.io.Serializable;

/**
 * A number of bytes, written as HOCON writes it: {@code 64 MB} (10^6), {@code 64 MiB} (2^20), or a
 * plain number.
 */
public final class ByteSize implements Serializable {
  private final String written;
  private final long bytes;

  private ByteSize(String written, long bytes) {
    this.written = written;
    this.bytes = bytes;
  }

  /**
   * @throws IllegalArgumentException if the text is not a size
   */
  public static ByteSize of(String text) {
    try {
      long bytes =
          ConfigFactory.empty()
              .withValue("size", ConfigValueFactory.fromAnyRef(text))
              .getBytes("size");
      if (bytes < 0) {
        throw new IllegalArgumentException(text + " is negative");
      }
      return new ByteSize(text, bytes);
    } catch (ConfigException e) {
      throw new IllegalArgumentException(text + " is not a size in bytes", e);
    }
  }

  public long bytes() {
    return bytes;
  }

  /** The text that it was made from. */
  @Override
  public String toString() {
    return written;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ByteSize that && bytes == that.bytes;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(bytes);
  }
}
