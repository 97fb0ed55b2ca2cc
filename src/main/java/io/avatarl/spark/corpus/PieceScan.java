package io.avatarl.spark.corpus;

import java.io.IOException;
import java.io.Serializable;
import java.util.BitSet;

/**
 * What must be known about a piece before it can be tokenized.
 *
 * @param documents number of documents that begin in it
 * @param ends number of documents that end in it
 * @param skipped number of documents without a text
 * @param characters number of characters of its texts
 * @param bytes length of its texts in UTF-8
 * @param codePoints its distinct characters
 * @param checksum detects whether the piece changes
 * @param carriageReturns whether any line ends with CR LF
 * @param byteOrderMark whether any document begins with one
 */
record PieceScan(
    long documents,
    long ends,
    long skipped,
    long characters,
    long bytes,
    BitSet codePoints,
    long checksum,
    boolean carriageReturns,
    boolean byteOrderMark)
    implements Serializable {
  private static final int ASCII = 128;

  static PieceScan of(DocumentReader reader) throws IOException {
    long documents = 0;
    long ends = 0;
    long skipped = 0;
    long characters = 0;
    long bytes = 0;
    boolean returns = false;
    boolean mark = false;
    boolean[] ascii = new boolean[ASCII];
    BitSet codePoints = new BitSet();
    for (DocumentReader.Chunk chunk = reader.next(); chunk != null; chunk = reader.next()) {
      String text = chunk.text();
      mark |= chunk.marked();
      if (text.isEmpty()) {
        skipped++;
        continue;
      }
      documents += chunk.begins() ? 1 : 0;
      ends += chunk.ends() ? 1 : 0;
      returns |= !returns && text.contains("\r\n");
      int length = text.length();
      for (int i = 0; i < length; i++) {
        char c = text.charAt(i);
        characters++;
        if (c < ASCII) {
          ascii[c] = true;
          bytes++;
        } else if (Character.isHighSurrogate(c) && i + 1 < length) {
          codePoints.set(Character.toCodePoint(c, text.charAt(++i)));
          bytes += 4;
        } else {
          codePoints.set(c);
          bytes += c < 0x800 ? 2 : 3;
        }
      }
    }
    for (int c = 0; c < ASCII; c++) {
      codePoints.set(c, ascii[c]);
    }
    return new PieceScan(
        documents, ends, skipped, characters, bytes, codePoints, reader.checksum(), returns, mark);
  }
}
