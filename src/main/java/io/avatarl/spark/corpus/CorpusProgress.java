package io.avatarl.spark.corpus;

/** Hears of the progress of tokenizing. */
public interface CorpusProgress {
  /**
   * @param what the current work, as in "tokenizing folder"
   * @param done number of finished pieces
   * @param of number of pieces
   */
  void at(String what, int done, int of);

  /** A warning of one line for the user. */
  void warned(String warning);
}
