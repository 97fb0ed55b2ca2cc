package io.avatarl.spark.corpus;

import java.util.BitSet;
import java.util.List;

/**
 * What must be known of a corpus before it can be tokenized, as a run that goes on finds it again.
 *
 * @param documents with a text
 * @param skipped documents without one
 * @param characters of the texts, without separators
 * @param bytes of the texts
 * @param codePoints distinct ones, sorted
 * @param carriageReturns whether lines end with CR LF somewhere
 * @param byteOrderMarks whether some document begins with one
 * @param pieceCharacters of each piece
 * @param pieceEnds documents that end in each piece
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

  /** Characters before each piece, separators included, and at last those of all. */
  long[] before(int separator) {
    long[] before = new long[pieceCharacters.length + 1];
    for (int i = 0; i < pieceCharacters.length; i++) {
      before[i + 1] = before[i] + pieceCharacters[i] + pieceEnds[i] * separator;
    }
    return before;
  }
}
