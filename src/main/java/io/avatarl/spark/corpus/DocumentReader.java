package io.avatarl.spark.corpus;

import java.io.Closeable;
import java.io.IOException;

/** The documents of one piece of a corpus, in order, chunk by chunk. */
interface DocumentReader extends Closeable {
  /**
   * A part of a document; a tokenizer makes the same tokens of the parts as of the whole.
   *
   * @param text not empty, but of a document without a text
   * @param begins whether the document begins with it
   * @param ends whether the document ends with it
   * @param marked whether a byte-order mark stood before the text, which is no part of it
   */
  record Chunk(String text, boolean begins, boolean ends, boolean marked) {
    private static final char BYTE_ORDER_MARK = '\ufeff';

    static Chunk of(String text, boolean begins, boolean ends) {
      boolean marked = begins && !text.isEmpty() && text.charAt(0) == BYTE_ORDER_MARK;
      return new Chunk(marked ? text.substring(1) : text, begins, ends, marked);
    }
  }

  /** The next chunk; null where there are no more. */
  Chunk next() throws IOException;

  /** The first bytes of the document that the last chunk is of; see {@code DocumentSplit}. */
  byte[] head() throws IOException;

  /** Of what was read so far: differs where the source changed. */
  long checksum();

  @Override
  void close() throws IOException;
}
