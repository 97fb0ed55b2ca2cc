package io.avatarl.files;

import java.io.IOException;
import java.io.OutputStream;

/** Bytes that are written where they are needed, so that nobody holds all of them at once. */
@FunctionalInterface
public interface Content {
  /** Writes all bytes; leaves the stream open. */
  void writeTo(OutputStream out) throws IOException;

  /** These bytes. */
  static Content of(byte[] bytes) {
    return out -> out.write(bytes);
  }
}
