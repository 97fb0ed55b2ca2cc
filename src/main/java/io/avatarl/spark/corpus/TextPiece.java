package io.avatarl.spark.corpus;

import io.avatarl.files.FileEntry;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * What one task reads of a corpus of text files: byte ranges, in the order of the corpus.
 *
 * @param ranges not empty
 */
record TextPiece(List<Range> ranges) implements Serializable {
  /** Most pieces, to bound the driver's memory. */
  private static final int MOST = 20_000;

  /**
   * A range of a file. A file is a document.
   *
   * @param path of the file
   * @param length of the file in bytes
   * @param from first byte
   * @param to end of the range, exclusive; for a packed file, which is read whole, {@link
   *     Long#MAX_VALUE} / 2
   */
  record Range(String path, long length, long from, long to) implements Serializable {
    boolean begins() {
      return from == 0;
    }

    CorpusFormat.Packing packing() {
      return CorpusFormat.Packing.of(path);
    }
  }

  /**
   * Cuts files into pieces, which depend only on the files, not on the cluster.
   *
   * @param pieceBytes length of a piece in bytes; large corpora have longer ones
   */
  static List<TextPiece> cut(List<FileEntry> files, long pieceBytes) {
    long total = files.stream().mapToLong(FileEntry::length).sum();
    long bytes = Math.max(pieceBytes, total / MOST);
    List<TextPiece> pieces = new ArrayList<>();
    List<Range> open = new ArrayList<>();
    long filled = 0;
    for (FileEntry file : files) {
      boolean packed = CorpusFormat.Packing.of(file.path()) != CorpusFormat.Packing.NONE;
      if (filled > 0 && filled + file.length() > bytes) {
        pieces.add(new TextPiece(List.copyOf(open)));
        open.clear();
        filled = 0;
      }
      if (packed || file.length() <= bytes) {
        long to = packed ? Long.MAX_VALUE / 2 : file.length();
        open.add(new Range(file.path(), file.length(), 0, to));
        filled += file.length();
      } else {
        for (long from = 0; from < file.length(); from += bytes) {
          long to = Math.min(from + bytes, file.length());
          pieces.add(new TextPiece(List.of(new Range(file.path(), file.length(), from, to))));
        }
      }
    }
    if (!open.isEmpty()) {
      pieces.add(new TextPiece(List.copyOf(open)));
    }
    return pieces;
  }
}
