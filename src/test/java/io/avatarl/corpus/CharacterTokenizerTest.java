package io.avatarl.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.avatarl.config.UserError;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("numerical")
class CharacterTokenizerTest {
  private static final String TEXT = "be\nn\u00e9 \ud83c\udfad!";
  private final Tokenizer tokenizer = CharacterTokenizer.of(TEXT);

  @Test
  void tokensAreIndicesIntoTheSortedCodePoints() {
    // newline, space, !, b, e, n, é, theatre masks (one code point of two Java chars)
    assertEquals(8, tokenizer.vocabularySize());
    assertArrayEquals(new int[] {3, 4, 0, 5, 6, 1, 7, 2}, tokenizer.encode(TEXT));
    assertEquals(TEXT, tokenizer.decode(3, 4, 0, 5, 6, 1, 7, 2));
    assertArrayEquals(new int[0], tokenizer.encode(""));
    assertThrows(IndexOutOfBoundsException.class, () -> tokenizer.decode(8));
  }

  @Test
  void jsonRoundTrip() {
    assertEquals(
        "{\"type\":\"character\",\"vocabulary\":[\"\\n"
            + "\",\" \",\"!\",\"b\",\"e\",\"n\",\"é\",\"🎭\"]}",
        tokenizer.toJson());
    assertEquals(tokenizer, Tokenizer.fromJson(tokenizer.toJson()));
  }

  @Test
  void aCharacterOutsideTheVocabularyIsNamedWithItsPosition() {
    String rest =
        " (the first is 0) is not one of the corpus's 8 characters;"
            + " leave it out or write it differently";
    assertSays("Character 'z' (U+007A) at position 2" + rest, "bez");
    assertSays("Character U+000D at position 3" + rest, "be\n\r");
    // Positions are counted in characters, not in Java chars.
    assertSays("Character U+1F3B2 at position 1" + rest, "\ud83c\udfad\ud83c\udfb2");
    assertSays("Character U+D83C at position 0" + rest, "\ud83c");
  }

  private void assertSays(String message, String text) {
    assertEquals(message, assertThrows(UserError.class, () -> tokenizer.encode(text)).getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{\"type\":\"character\",\"vocabulary\":[\"b\",\"a\"]}|vocabulary entry 1 is out of order",
        "{\"type\":\"character\",\"vocabulary\":[\"a\",\"a\"]}|vocabulary entry 1 is out of order",
        "{\"type\":\"character\",\"vocabulary\":[\"ab\"]}|vocabulary entry 0 is not one character",
        "{\"type\":\"character\",\"vocabulary\":[\"\"]}|vocabulary entry 0 is not one character",
        "{\"type\":\"character\"}|it has no vocabulary",
        "{\"type\":\"wordpiece\"}|its type is \"wordpiece\"",
        "[]|its type is ",
        "~~|its type is ",
      })
  void aBrokenTokenizerIsRefused(String json, String reason) {
    UserError error = assertThrows(UserError.class, () -> Tokenizer.fromJson(json));
    assertEquals(
        "Not a tokenizer: "
            + (reason.endsWith("is") ? reason + " " : reason)
            + "; restore tokenizer.json from the checkpoint that wrote it",
        error.getMessage());
  }

  @Test
  void textThatIsNotJsonIsRefusedInOneLine() {
    UserError error =
        assertThrows(UserError.class, () -> Tokenizer.fromJson("{\"type\":\n\n character"));
    assertEquals(1, error.getMessage().lines().count());
    assertEquals("Not a tokenizer: ", error.getMessage().substring(0, 17));
  }
}
