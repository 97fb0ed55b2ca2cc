package io.avatarl.spark.corpus;

import java.util.BitSet;
import java.util.List;

/**
 * What must be known about a corpus before it can be tokenized; stored, so that an interrupted run
 * can continue.
 *
 * @param documents number of documents with a text
 * @param skipped number of documents without one
 * @param characters number of characters of the texts, without separators
 * @param bytes length of the texts in bytes
 * @param codePoints distinct characters, sorted
 * @param carriageReturns whether any line ends with CR LF
 * @param byteOrderMarks whether any document begins with one
 * @param pieceCharacters number of characters of each piece
 * @param pieceEnds number of documents that end in each piece
 * @param checksums of the pieces
 */
record CorpusScan(
    long documents,
    long skipped,
    long characters,
    long bytes,
    int[] codePoints,
    boolean carriageReturns,
    boolean byteOrderMarks,
    long[] pieceCharacters,
    long[] pieceEnds,
    long[] checksums) {
  static CorpusScan of(List<PieceScan> pieces) {
    BitSet codePoints = new BitSet();
    pieces.forEach(piece -> codePoints.or(piece.codePoints()));
    return new CorpusScan(
        pieces.stream().mapToLong(PieceScan::documents).sum(),
        pieces.stream().mapToLong(PieceScan::skipped).sum(),
        pieces.stream().mapToLong(PieceScan::characters).sum(),
        pieces.stream().mapToLong(PieceScan::bytes).sum(),
        codePoints.stream().toArray(),
        pieces.stream().anyMatch(PieceScan::carriageReturns),
        pieces.stream().anyMatch(PieceScan::byteOrderMark),
        pieces.stream().mapToLong(PieceScan::characters).toArray(),
        pieces.stream().mapToLong(PieceScan::ends).toArray(),
        pieces.stream().mapToLong(PieceScan::checksum).toArray());
  }

  /**
   * Number of characters before each piece, separators included, and the total as the last entry.
   */
  long[] before(int separator) {
    long[] before = new long[pieceCharacters.length + 1];
    for (int i = 0; i < pieceCharacters.length; i++) {
      before[i + 1] = before[i] + pieceCharacters[i] + pieceEnds[i] * separator;
    }
    return before;
  }
}
