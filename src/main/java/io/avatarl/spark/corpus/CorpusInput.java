package io.avatarl.spark.corpus;

import io.avatarl.corpus.TextChunks;
import io.avatarl.files.StorageSettings;
import org.apache.spark.api.java.JavaSparkContext;

/** A corpus that Spark will read. */
interface CorpusInput {
  /** Name for messages. */
  String name();

  /** Identifies the documents without reading them. */
  String identity();

  /**
   * Its documents in pieces.
   *
   * @param boundary where a long document may be cut
   * @param pieceBytes approximate length of a piece in bytes
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
