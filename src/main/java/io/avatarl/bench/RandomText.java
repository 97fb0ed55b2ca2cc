package io.avatarl.bench;

import io.avatarl.corpus.Corpus;
import java.nio.charset.StandardCharsets;
import java.util.Random;

/** A corpus with a given vocabulary: random characters, each at least once. */
final class RandomText {
  /** Chinese characters: 65,000 code points in a row, none of them white space. */
  private static final int FIRST = 0x20000;

  private static final int LENGTH = 100_000;

  private RandomText() {}

  static Corpus of(int vocabulary) {
    Random random = new Random(vocabulary);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < vocabulary + LENGTH; i++) {
      text.appendCodePoint(FIRST + (i < vocabulary ? i : random.nextInt(vocabulary)));
    }
    return Corpus.of("random", text.toString().getBytes(StandardCharsets.UTF_8), 0.1);
  }
}
