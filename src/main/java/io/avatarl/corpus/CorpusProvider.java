package io.avatarl.corpus;

import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;

/** Loads the corpus that a configuration names. */
public interface CorpusProvider {
  /**
   * Loads a corpus.
   *
   * @param validationTokens of the validation split that are scored at most; 0: all
   * @param parent folder for what has to be kept where {@code corpus.tokens} names none
   * @throws UserError where it is missing, is no text, or is not the one that the configuration
   *     expects
   */
  LoadedCorpus load(CorpusConfig config, int validationTokens, String parent);

  /** The same, but corpora are in this vocabulary and not in one of their own. */
  CorpusProvider in(Tokenizer vocabulary);
}
