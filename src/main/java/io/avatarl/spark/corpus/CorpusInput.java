package io.avatarl.spark.corpus;

import io.avatarl.corpus.TextChunks;
import io.avatarl.files.StorageSettings;
import org.apache.spark.api.java.JavaSparkContext;

/** A corpus that Spark reads, before it is read. */
interface CorpusInput {
  /** For people. */
  String name();

  /** The same where the same documents are found again without reading them. */
  String identity();

  /**
   * Its documents in pieces.
   *
   * @param boundary where a long document may be cut
   * @param pieceBytes of a piece, about
   */
  Documents<?> documents(
      JavaSparkContext spark,
      StorageSettings storage,
      TextChunks.Boundary boundary,
      long pieceBytes);

  /** Text files. */
  record Texts(CorpusFiles files) implements CorpusInput {
    @Override
    public String name() {
      return files.name();
    }

    @Override
    public String identity() {
      return files.listing();
    }

    @Override
    public Documents<?> documents(
        JavaSparkContext spark,
        StorageSettings storage,
        TextChunks.Boundary boundary,
        long pieceBytes) {
      return Documents.ofFiles(spark, storage, TextPiece.cut(files.files(), pieceBytes), boundary);
    }
  }
}
