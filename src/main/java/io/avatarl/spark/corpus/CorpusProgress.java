package io.avatarl.spark.corpus;

/** Hears of the progress of tokenizing. */
public interface CorpusProgress {
  /** Nobody hears of it. */
  CorpusProgress NONE =
      new CorpusProgress() {
        @Override
        public void at(String what, int done, int of) {
          // Nobody hears of it.
        }

        @Override
        public void warned(String warning) {
          // Nobody hears of it.
        }
      };

  /**
   * @param what the current work, as in "tokenizing folder"
   * @param done number of finished pieces
   * @param of number of pieces
   */
  void at(String what, int done, int of);

  /** A warning of one line for the user. */
  void warned(String warning);
}
