package io.avatarl.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.avatarl.files.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The published figures; needs the text itself, which is not in the repository. */
@Tag("numerical")
class TinyShakespeareTest {
  private static final String PATH =
      System.getProperty(
          "avatarl.corpus",
          System.getenv().getOrDefault("AVATARL_CORPUS", "data/tinyshakespeare/input.txt"));

  private static byte[] bytes = new byte[0];
  private static Corpus corpus;
  private static NgramCounts counts;

  @BeforeAll
  static void read() throws IOException {
    if (Files.isRegularFile(Path.of(PATH))) {
      bytes = Files.readAllBytes(Path.of(PATH));
    }
    if (isTinyShakespeare()) {
      corpus = Corpus.of("tinyshakespeare", bytes, 0.1);
      counts = NgramCounts.of(corpus.train().toArray(), corpus.tokenizer().vocabularySize(), 5);
    }
  }

  private static boolean isTinyShakespeare() {
    return Sha256.of(bytes).equals(CorpusSource.TINY_SHAKESPEARE_SHA256);
  }

  // Before each and not before all, so that every test is reported as skipped.
  @BeforeEach
  void needsTheText() {
    assumeTrue(
        isTinyShakespeare(),
        "tinyshakespeare is not at " + PATH + "; set AVATARL_CORPUS to its path");
  }

  @Test
  void splitAndVocabularyAreNanoGpts() {
    assertEquals(65, corpus.tokenizer().vocabularySize());
    assertEquals(1_003_854, corpus.train().length());
    assertEquals(111_540, corpus.validation().length);
  }

  @ParameterizedTest
  @CsvSource({"2, 2.486, 27.0", "3, 2.049, 38.1", "4, 1.774, 47.1", "5, 1.669, 52.5"})
  void wittenBellBaselines(int order, double crossEntropy, double accuracy) {
    NgramModel.Evaluation evaluation = new NgramModel(counts, order).evaluate(corpus.validation());
    assertEquals(crossEntropy, Math.round(evaluation.crossEntropy() * 1e3) / 1e3);
    assertEquals(accuracy, Math.round(evaluation.accuracy() * 1e3) / 1e1, 1e-9);
    assertEquals(111_540, evaluation.positions());
  }

  /** Ten times what two slow cores need, so that only a wrong algorithm fails. */
  @Test
  void countingAndEvaluatingAreFast() {
    long start = System.nanoTime();
    NgramCounts again = NgramCounts.of(corpus.train().toArray(), 65, 5);
    long counted = System.nanoTime();
    new NgramModel(again, 5).evaluate(corpus.validation());
    long evaluated = System.nanoTime();
    assertTrue(counted - start < 5e9, "counting took " + (counted - start) / 1e9 + " s");
    assertTrue(evaluated - counted < 5e9, "evaluating took " + (evaluated - counted) / 1e9 + " s");
  }
}
