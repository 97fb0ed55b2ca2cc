package io.avatarl.jobs;

import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.RandomStream;
import io.avatarl.corpus.StreamingDecoder;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Policy;
import io.avatarl.train.Checkpoint;
import java.util.function.Consumer;

/** Generates text from a checkpoint. */
final class Sampler implements AutoCloseable {
  private final Tokenizer tokenizer;
  private final Policy policy;

  Sampler(Storage storage, Checkpoint checkpoint, TrainingConfig config) {
    NativeEngine.load(config.nativeThreads());
    this.tokenizer = checkpoint.tokenizer(storage);
    ParameterLayout layout = ParameterLayout.of(config.model(), tokenizer.vocabularySize());
    this.policy = new Policy(config.model(), checkpoint.model(storage, layout));
  }

  /**
   * Streams one sample, without its prompt.
   *
   * @param number of the sample: another number, another text for the same seed
   */
  void sample(
      String prompt,
      int tokens,
      double temperature,
      long seed,
      long number,
      Consumer<String> sink) {
    int[] encoded = tokenizer.encode(prompt);
    if (encoded.length == 0) {
      throw new UserError("the prompt is empty; give at least one character");
    }
    RandomStream random = RandomStream.of(seed, 0, number, RandomStream.Purpose.SAMPLING);
    StreamingDecoder decoder = new StreamingDecoder(tokenizer, sink);
    policy.generate(
        encoded,
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
