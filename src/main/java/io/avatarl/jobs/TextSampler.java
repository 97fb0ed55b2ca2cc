package io.avatarl.jobs;

import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.StreamingDecoder;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import java.util.Optional;
import java.util.function.Consumer;

/** Continues a prompt with the model of a checkpoint. */
final class TextSampler implements AutoCloseable {
  private final Tokenizer tokenizer;
  private final String prompt;
  private final int[] promptTokens;
  private final Policy policy;

  /**
   * Checks the prompt and the files before it loads the native engine.
   *
   * @param prompt empty: {@link Tokenizer#defaultPrompt}
   */
  TextSampler(
      Storage storage,
      CheckpointFolder checkpoint,
      TrainingConfig config,
      Optional<String> prompt) {
    this.tokenizer = checkpoint.tokenizer(storage);
    this.prompt = prompt.orElseGet(tokenizer::defaultPrompt);
    this.promptTokens = tokenizer.encode(this.prompt);
    if (promptTokens.length == 0) {
      throw new UserError("the prompt is empty; give at least one character");
    }
    Parameters parameters =
        checkpoint.parameters(
            storage, ParameterLayout.of(config.model(), tokenizer.vocabularySize()));
    NativeEngine.load(config.nativeThreads(), config.model().precision());
    this.policy = new Policy(config.model(), parameters);
  }

  /** The text that is continued. */
  String prompt() {
    return prompt;
  }

  /**
   * Streams one sample, without its prompt.
   *
   * @param number number of the sample; another number gives another text for the same seed
   */
  void sample(int tokens, double temperature, long seed, long number, Consumer<String> sink) {
    RandomStream random = RandomStream.of(seed, 0, number, RandomStream.Purpose.SAMPLING);
    StreamingDecoder decoder = new StreamingDecoder(tokenizer, sink);
    policy.generate(
        promptTokens,
        tokens,
        temperature,
        random,
        token -> {
          decoder.accept(token);
          return true;
        });
    decoder.end();
  }

  @Override
  public void close() {
    policy.close();
  }
}
