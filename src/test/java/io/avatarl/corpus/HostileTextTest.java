package io.avatarl.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.avatarl.Mutation;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Tag;

/** Corpora and BPE tokenizers that nobody would choose. */
@Tag("numerical")
class HostileTextTest {
  private static final int TRIES = 1000;
  private static final String TEXT =
      "To be, or not to be:\r\nthat is the question. \u00e9\u20ac\ud83d\ude00 \u001b[31m\n";
  private static final BpeTokenizer BPE = BpeTokenizer.train(TEXT.repeat(4), 20);

  private static Corpus corpus(byte[] utf8) {
    return Mutation.read(utf8.length, () -> Corpus.of("x", utf8, 0.1));
  }

  @Provide
  Arbitrary<byte[]> texts() {
    return Mutation.of(TEXT.repeat(3).getBytes(StandardCharsets.UTF_8));
  }

  @Property(tries = TRIES, seed = Mutation.SEED)
  void textsAreReadOrRefused(@ForAll("texts") byte[] utf8) {
    assertWhole(utf8, corpus(utf8));
  }

  @Provide
  Arbitrary<byte[]> noise() {
    return Arbitraries.randomValue(HostileTextTest::noise);
  }

  private static byte[] noise(Random random) {
    byte[] bytes = new byte[random.nextInt(12)];
    random.nextBytes(bytes);
    return bytes;
  }

  @Property(tries = TRIES, seed = Mutation.SEED)
  void noiseIsReadOrRefused(@ForAll("noise") byte[] utf8) {
    assertWhole(utf8, corpus(utf8));
  }

  /** What was read is the text, character by character. */
  private static void assertWhole(byte[] utf8, Corpus corpus) {
    if (corpus != null) {
      String text =
          corpus.tokenizer().decode(corpus.train().toArray())
              + corpus.tokenizer().decode(corpus.validation());
      assertArrayEquals(utf8, text.getBytes(StandardCharsets.UTF_8));
    }
  }

  @Example
  void textsByHand() {
    // NUL; surrogates, which UTF-8 cannot say; overlong forms; beyond the last character.
    for (int[] bad :
        new int[][] {
          {'a', 0, 'b'},
          {0xed, 0xa0, 0x80},
          {0xed, 0xb0, 0x80},
          {0xc0, 0x80},
          {0xe0, 0x80, 0x80},
          {0xf4, 0x90, 0x80, 0x80},
          {0xf0, 0x9f, 0x98},
          {0xff}
        }) {
      byte[] utf8 = new byte[bad.length];
      for (int i = 0; i < bad.length; i++) {
        utf8[i] = (byte) bad[i];
      }
      assertNull(corpus(utf8), Arrays.toString(bad));
    }
    Corpus wide = corpus("\ud83d\ude00".repeat(100).getBytes(StandardCharsets.UTF_8));
    assertEquals(1, wide.tokenizer().vocabularySize());
    assertEquals(90, wide.train().length());
    byte[] windows = "a\r\nb\r\n".repeat(10).getBytes(StandardCharsets.UTF_8);
    assertWhole(windows, corpus(windows));
    byte[] one = "a".repeat(1_000_000).getBytes(StandardCharsets.UTF_8);
    assertWhole(one, corpus(one));
  }

  @Provide
  Arbitrary<String> bpe() {
    return Mutation.of(BPE.toJson());
  }

  @Property(tries = TRIES, seed = Mutation.SEED)
  void bpeTokenizersAreReadOrRefused(@ForAll("bpe") String json) {
    Tokenizer tokenizer = Mutation.read(json.length(), () -> Tokenizer.fromJson(json));
    if (tokenizer instanceof BpeTokenizer) {
      int[] tokens = Mutation.read(json.length(), () -> tokenizer.encode("To be \u00e9"));
      if (tokens != null) {
        for (int token : tokens) {
          tokenizer.bytes(token);
        }
        Mutation.read(json.length(), () -> tokenizer.decode(tokens));
      }
    }
  }
}
