package io.avatarl.train;

import io.avatarl.config.KlConfig.Reference;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusProvider;
import io.avatarl.corpus.LoadedCorpus;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.corpus.UnknownCharacter;
import io.avatarl.files.Storage;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What training begins with: a corpus, and a model that is random, another run's or another
 * project's.
 *
 * @param config with the corpus's actual path and checksum and the exact model that {@code init}
 *     names, so that training from it repeats the run
 * @param initial the weights that {@code init} names, if they are needed; empty: random ones
 */
record Beginning(
    TrainingConfig config, LoadedCorpus source, ParameterLayout layout, Optional<float[]> initial) {

  /**
   * Reads the corpus and the model.
   *
   * @param parent folder for token files of the corpus
   * @param own the vocabulary of a resumed run, from its own checkpoint; the run of {@code
   *     init.run} may be gone
   * @param warned gets one line each
   * @throws UserError if the corpus or {@code init} does not match the configuration
   */
  static Beginning of(
      Storage storage,
      TrainingConfig asked,
      CorpusProvider corpora,
      String parent,
      Optional<Tokenizer> own,
      Consumer<String> warned) {
    boolean needed = own.isEmpty() || asked.learner().kl().reference() == Reference.INITIAL;
    Optional<WarmStart> warm =
        asked.init().isWarm() && needed
            ? Optional.of(WarmStart.find(storage, asked))
            : Optional.empty();
    Optional<Tokenizer> vocabulary = own.or(() -> warm.map(WarmStart::tokenizer));
    LoadedCorpus source = corpus(asked, vocabulary.map(corpora::in).orElse(corpora), parent);
    source.warnings().forEach(warned);
    Corpus corpus = source.corpus();
    warm.flatMap(start -> start.seenValidation(asked, corpus)).ifPresent(warned);
    corpus.requireWindows(asked.model().context());
    ParameterLayout layout = ParameterLayout.of(asked.model(), corpus.tokenizer().vocabularySize());
    Optional<WarmStart.Weights> weights = warm.map(start -> start.weights(layout));
    return new Beginning(
        asked
            .with(asked.corpus().at(source.path(), corpus.sha256()))
            .with(weights.map(WarmStart.Weights::init).orElse(asked.init())),
        source,
        layout,
        weights.map(WarmStart.Weights::values));
  }

  private static LoadedCorpus corpus(TrainingConfig asked, CorpusProvider corpora, String parent) {
    try {
      return corpora.load(asked.corpus(), asked.evaluation().maxTokens(), parent);
    } catch (UnknownCharacter e) {
      // In a vocabulary of its own, a corpus has no unknown characters.
      throw new UserError(
          asked.init().key()
              + ": "
              + asked.init().place()
              + " was trained on another text: "
              + e.getMessage(),
          e);
    }
  }

  Corpus corpus() {
    return source.corpus();
  }

  /** The weights before the first update. */
  Parameters parameters() {
    return initial
        .map(
            weights -> {
              Parameters parameters = new Parameters(layout);
              parameters.set(weights);
              return parameters;
            })
        .orElseGet(() -> Parameters.initial(config, layout));
  }
}
