package io.avatarl.spark.corpus;

/** Hears how far the making of tokens is. */
public interface CorpusProgress {
  /**
   * @param what is done, as in "tokenizing folder"
   * @param done pieces
   * @param of pieces in all
   */
  void at(String what, int done, int of);

  /** One line for the user's eyes. */
  void warned(String warning);
}
