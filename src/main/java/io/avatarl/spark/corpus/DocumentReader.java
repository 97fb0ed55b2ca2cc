package io.avatarl.spark.corpus;

import java.io.Closeable;
import java.io.IOException;

/** The documents of one piece of a corpus, in order, chunk by chunk. */
interface DocumentReader extends Closeable {
  /**
   * A part of a document; tokenizing the parts gives the tokens of the whole.
   *
   * @param text empty only if the document has no text
   * @param begins whether it is the document's first part
   * @param ends whether it is the document's last part
   * @param marked whether a byte-order mark was before the text; it is not part of the text
   */
  record Chunk(String text, boolean begins, boolean ends, boolean marked) {
    private static final char BYTE_ORDER_MARK = '\ufeff';

    static Chunk of(String text, boolean begins, boolean ends) {
      boolean marked = begins && !text.isEmpty() && text.charAt(0) == BYTE_ORDER_MARK;
      return new Chunk(marked ? text.substring(1) : text, begins, ends, marked);
    }
  }

  /** The next chunk; null if there are no more. */
  Chunk next() throws IOException;

  /** The first bytes of the last chunk's document; see {@code DocumentSplit}. */
  byte[] head() throws IOException;

  /** Checksum of everything read so far, to detect a changed source. */
  long checksum();

  @Override
  void close() throws IOException;
}
