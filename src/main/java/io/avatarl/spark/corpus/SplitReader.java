package io.avatarl.spark.corpus;

import io.avatarl.corpus.DocumentSplit;
import java.io.IOException;

/**
 * Reads a piece's texts, each with its split. If a corpus has several documents, the separator
 * follows each.
 */
final class SplitReader {
  /** Receives the texts. */
  interface Sink {
    /**
     * @param document whether it is part of a document; false for a separator
     */
    void accept(String text, boolean heldOut, boolean document) throws IOException;
  }

  private SplitReader() {}

  /**
   * @param before number of characters in the corpus before the piece, separators included
   * @param separator empty if there is only one document
   */
  static void read(
      DocumentReader reader, DocumentSplit split, long before, String separator, Sink sink)
      throws IOException {
    long position = before;
    boolean heldOut = false;
    boolean known = false;
    for (DocumentReader.Chunk chunk = reader.next(); chunk != null; chunk = reader.next()) {
      if (chunk.text().isEmpty()) {
        continue;
      }
      if (split.byDocument()) {
        if (chunk.begins() || !known) {
          heldOut = split.isHeldOut(reader.head());
          known = true;
        }
        sink.accept(chunk.text(), heldOut, true);
        if (chunk.ends() && !separator.isEmpty()) {
          sink.accept(separator, heldOut, false);
        }
      } else {
        position = byPosition(chunk.text(), true, split, position, sink);
        if (chunk.ends() && !separator.isEmpty()) {
          position = byPosition(separator, false, split, position, sink);
        }
      }
    }
  }

  private static long byPosition(
      String text, boolean document, DocumentSplit split, long position, Sink sink)
      throws IOException {
    long characters = text.codePointCount(0, text.length());
    long left = split.trainCharacters() - position;
    if (left <= 0 || left >= characters) {
      sink.accept(text, left <= 0, document);
    } else {
      int cut = text.offsetByCodePoints(0, (int) left);
      sink.accept(text.substring(0, cut), false, document);
      sink.accept(text.substring(cut), true, document);
    }
    return position + characters;
  }
}
