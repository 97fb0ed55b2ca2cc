package io.avatarl.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.model.NativeEngine;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** The comparison is honest: the yardstick trains the same model, and it learns. */
class PlainDjlTest {
  private static final Corpus CORPUS =
      Corpus.of("text", "abcabdabcabd".repeat(40).getBytes(StandardCharsets.US_ASCII), 0.1);
  private static final int VOCABULARY = 4;
  private static final TrainingConfig CONFIG =
      ConfigReader.read(
          "trial",
          "model { layers = 2, heads = 2, width = 16, context = 8, initStd = 0.3 },"
              + " rollout.windowsPerUpdate = 4, learner.optimizer.learningRate = 1e-2",
          List.of());

  private static Parameters initial() {
    NativeEngine.load(1);
    return Parameters.initial(CONFIG, ParameterLayout.of(CONFIG.model(), VOCABULARY));
  }

  @Test
  void itsModelIsTheSame() {
    long[] tokens = LongStream.range(0, 3 * 8).map(i -> i * 7 % VOCABULARY).toArray();
    Parameters parameters = initial();
    try (NDManager scope = NDManager.newBaseManager();
        AutogradGpt model = new AutogradGpt(CONFIG.model(), scope);
        Policy policy = new Policy(CONFIG.model(), parameters)) {
      NDArray logits =
          model.logits(parameters.tensors(scope), scope.create(tokens, new Shape(3, 8)));
      assertArrayEquals(policy.logProbs(3, tokens), logits.logSoftmax(-1).toFloatArray(), 1e-5f);
    }
  }

  @Test
  void itLearnsWhatCanBeLearnt() {
    try (PlainDjl loop = new PlainDjl(CONFIG, CORPUS, initial(), 2)) {
      float first = loop.update();
      for (int i = 0; i < 150; i++) {
        loop.update();
      }
      float last = loop.update();
      // After "ab", c and d are equally probable before "abc" is seen; little else is open.
      assertTrue(first > 1.2 && last < 0.5, first + " to " + last);
      assertEquals(4 * 8, loop.run(0).units());
    }
  }
}
