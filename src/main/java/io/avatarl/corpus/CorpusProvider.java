package io.avatarl.corpus;

import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;

/** Loads the corpus that a configuration names. */
public interface CorpusProvider {
  /**
   * Loads a corpus.
   *
   * @param validationTokens most tokens of the validation split to score; 0: all
   * @param parent folder for token files if {@code corpus.tokens} names none
   * @throws UserError if it is missing, is not text, or is not the one that the configuration
   *     expects
   */
  LoadedCorpus load(CorpusConfig config, int validationTokens, String parent);

  /** A provider whose corpora use this vocabulary instead of their own. */
  CorpusProvider in(Tokenizer vocabulary);
}
