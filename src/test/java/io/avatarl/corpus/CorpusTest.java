package io.avatarl.corpus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class CorpusTest {
  private static CorpusConfig config(String... overrides) {
    return ConfigReader.read("", "", List.of(overrides)).corpus();
  }

  @Test
  void splitsContiguouslyAndTakesTheVocabularyOfTheWholeText() {
    Corpus corpus = Corpus.of("abc", "cabbage zoo".getBytes(UTF_8), 0.25);
    assertEquals("abc", corpus.name());
    assertEquals(8, corpus.train().length(), "floor(11 · 0.75)");
    assertEquals("cabbage ", corpus.tokenizer().decode(corpus.train().toArray()));
    assertEquals("zoo", corpus.tokenizer().decode(corpus.validation()));
    assertEquals(8, corpus.tokenizer().vocabularySize());
  }

  @Test
  void everyTokenizerHasTheSameSplits() {
    String text = "the cat sat on the mat, the cat sat é😀".repeat(3);
    for (CorpusConfig.TokenizerKind kind : CorpusConfig.TokenizerKind.values()) {
      Corpus corpus =
          Corpus.of(
              "cats",
              text.getBytes(UTF_8),
              config(
                  "corpus.validationFraction=0.3",
                  "corpus.tokenizer=" + ConfigReader.spelling(kind.name()),
                  "corpus.bpe.merges=20"));
      int cut = text.offsetByCodePoints(0, 79); // floor(114 · 0.7)
      assertEquals(text.substring(0, cut), corpus.tokenizer().decode(corpus.train().toArray()));
      assertEquals(text.substring(cut), corpus.tokenizer().decode(corpus.validation()));
    }
  }

  @Test
  void bpeLearnsFromTheTrainingSplitOnly() {
    CorpusConfig config =
        config("corpus.validationFraction=0.5", "corpus.tokenizer=bpe", "corpus.bpe.merges=1");
    Tokenizer tokenizer = Corpus.of("x", "abababzzzzzz".getBytes(UTF_8), config).tokenizer();
    assertArrayEquals(new byte[] {'a', 'b'}, tokenizer.bytes(256));
  }

  @Test
  void sha256IsOfTheBytes() {
    // The example of FIPS 180-2.
    assertEquals(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        Corpus.of("abc", "abc".getBytes(UTF_8), 0.1).sha256());
  }

  @Test
  void anotherTextInACheckpointsVocabulary() {
    Tokenizer tokenizer = Corpus.of("abc", "abc".getBytes(UTF_8), 0.1).tokenizer();
    Corpus other = Corpus.of("cab", "cab".getBytes(UTF_8), 0.5, tokenizer);
    assertArrayEquals(new int[] {2}, other.train().toArray());
    assertArrayEquals(new int[] {0, 1}, other.validation());
    UserError error =
        assertThrows(UserError.class, () -> Corpus.of("x", "ax".getBytes(UTF_8), 0.5, tokenizer));
    assertEquals(
        "Character 'x' (U+0078) at position 1 (the first is 0) is not one of the corpus's 3"
            + " characters; leave it out or write it differently",
        error.getMessage());
  }

  @Test
  void survivesSerialization() throws IOException, ClassNotFoundException {
    Corpus corpus = Corpus.of("abc", "cabbage".getBytes(UTF_8), 0.25);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(corpus);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      Corpus copy = (Corpus) in.readObject();
      assertEquals(corpus.train(), copy.train());
      assertEquals(corpus.tokenizer(), copy.tokenizer());
      assertEquals(corpus.sha256(), copy.sha256());
    }
  }

  @Test
  void emptyAndBinaryTextsAreRefused() {
    assertSays(
        "Corpus x.txt is empty; name a text file with --corpus",
        () -> Corpus.of("x.txt", new byte[0], 0.1));
    assertSays(
        "Corpus x.bin is not text: byte 2 is NUL; name a UTF-8 text file with --corpus",
        () -> Corpus.of("x.bin", new byte[] {'a', 'b', 0, 'c'}, 0.1));
    // Latin-1's é, after a two-byte UTF-8 é.
    assertSays(
        "Corpus x.txt is not UTF-8: byte 3 is 0xE9; convert the file to UTF-8 or name another with"
            + " --corpus",
        () ->
            Corpus.of("x.txt", new byte[] {'a', (byte) 0xc3, (byte) 0xa9, (byte) 0xe9, 'b'}, 0.1));
    // A character cut off by the end of the file.
    assertSays(
        "Corpus x.txt is not UTF-8: byte 1 is 0xC3; convert the file to UTF-8 or name another with"
            + " --corpus",
        () -> Corpus.of("x.txt", new byte[] {'a', (byte) 0xc3}, 0.1));
  }

  @Test
  void aTextTooShortForTheContextIsRefused() {
    Corpus corpus = Corpus.of("x.txt", "0123456789".getBytes(UTF_8), 0.3);
    assertDoesNotThrow(() -> corpus.requireWindows(2));
    assertSays(
        "Corpus x.txt is too short: its validation split has 3 tokens and one window of context 3"
            + " takes 4; give a longer text (--corpus) or a shorter context (--set"
            + " model.context=N)",
        () -> corpus.requireWindows(3));
    assertSays(
        "Corpus x.txt is too short: its training split has 7 tokens and one window of context 256"
            + " takes 257; give a longer text (--corpus) or a shorter context (--set"
            + " model.context=N)",
        () -> corpus.requireWindows(256));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 1, -0.1, 1.5, Double.NaN})
  void aFractionThatLeavesNoSplitIsRefused(double fraction) {
    assertSays(
        "The validation fraction "
            + fraction
            + " is not between 0 and 1 (both excluded); 0.1 keeps the last tenth",
        () -> Corpus.of("x", "abc".getBytes(UTF_8), fraction));
  }

  private static void assertSays(String message, Executable action) {
    assertEquals(message, assertThrows(UserError.class, action).getMessage());
  }
}
