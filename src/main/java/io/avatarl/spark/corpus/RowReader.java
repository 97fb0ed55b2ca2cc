package io.avatarl.spark.corpus;

import io.avatarl.corpus.DocumentSplit;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Iterator;
import java.util.zip.CRC32C;

/** Reads rows: each is a document. */
final class RowReader implements DocumentReader {
  private final Iterator<String> rows;
  private final CRC32C checksum = new CRC32C();
  private byte[] utf8 = new byte[0];

  RowReader(Iterator<String> rows) {
    this.rows = rows;
  }

  @Override
  public Chunk next() {
    if (!rows.hasNext()) {
      return null;
    }
    String text = rows.next();
    utf8 = text.getBytes(StandardCharsets.UTF_8);
    checksum.update(utf8);
    checksum.update(0xff); // not a byte of UTF-8, so that "ab", "c" and "a", "bc" differ
    return Chunk.of(text, true, true);
  }

  @Override
  public byte[] head() {
    return utf8.length <= DocumentSplit.HEAD ? utf8 : Arrays.copyOf(utf8, DocumentSplit.HEAD);
  }

  @Override
  public long checksum() {
    return checksum.getValue();
  }

  @Override
  public void close() {
    // Spark closes its iterator.
  }
}
