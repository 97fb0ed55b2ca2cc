package io.avatarl.corpus;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.files.Sha256;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("numerical")
class GeneratedPlayTest {
  private final String play = GeneratedPlay.write(1, 200_000);

  @Test
  void looksLikeAPlay() {
    assertEquals(200_000, play.length());
    assertTrue(play.chars().allMatch(c -> c == '\n' || c >= ' ' && c < 0x7f));
    assertTrue(Pattern.compile("^[A-Z][A-Z ]+:$", Pattern.MULTILINE).matcher(play).find());
    assertTrue(Pattern.compile("^\\[Enter [A-Za-z, ]+]$", Pattern.MULTILINE).matcher(play).find());
    assertTrue(play.lines().allMatch(line -> line.length() < 120));
    assertFalse(play.contains("<"), "every symbol was expanded");
    assertFalse(play.contains("|"));
  }

  /** The play is a corpus, and a corpus that changes unseen changes every figure on it. */
  @Test
  void isTheSameForASeedOnEveryMachine() {
    assertEquals(
        "308cd783aee2325549606bef492b5f04f7887272416527d821b071c56a836463",
        Sha256.of(play.getBytes(US_ASCII)));
    assertNotEquals(play, GeneratedPlay.write(2, 200_000));
    assertTrue(play.startsWith(GeneratedPlay.write(1, 1000)));
  }

  @Test
  void isNotTrivialForAnNgramModel() {
    Corpus corpus = Corpus.of("generated", play.getBytes(US_ASCII), 0.1);
    NgramCounts counts =
        NgramCounts.of(corpus.train().toArray(), corpus.tokenizer().vocabularySize(), 5);
    double bigram = new NgramModel(counts, 2).evaluate(corpus.validation()).crossEntropy();
    double fivegram = new NgramModel(counts, 5).evaluate(corpus.validation()).crossEntropy();
    assertTrue(bigram > 2, "bigram: " + bigram);
    assertTrue(fivegram > 0.8 && fivegram < bigram, "5-gram: " + fivegram);
  }
}
