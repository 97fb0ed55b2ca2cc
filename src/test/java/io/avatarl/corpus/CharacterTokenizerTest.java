package io.avatarl.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.avatarl.config.UserError;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
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
        "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[],"
            + "\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":"
            + "\"[\\\\s\\\\S]\"},\"behavior\":\"Isolated\",\"invert\":false},\"post_processor\":null,"
            + "\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"\\n\":0,"
            + "\" \":1,\"!\":2,\"b\":3,\"e\":4,\"n\":5,\"é\":6,\"🎭\":7},\"unk_token\":\"<unk>\"}}",
        tokenizer.toJson());
    assertEquals(tokenizer, Tokenizer.fromJson(tokenizer.toJson()));
  }

  @Test
  void theFormOfVersion01IsReadAndWrittenAnew() {
    Tokenizer old =
        Tokenizer.fromJson(
            "{\"type\":\"character\",\"vocabulary\":[\"\\n\",\" \",\"!\",\"b\",\"e\",\"n\",\"é\",\"🎭\"]}");
    assertEquals(tokenizer, old);
    assertEquals(tokenizer.toJson(), old.toJson());
  }

  /** Through DJL, the same library that Python's {@code tokenizers} is. */
  @Test
  void huggingFaceMakesTheSameTokens() throws IOException {
    try (HuggingFaceTokenizer theirs =
        HuggingFaceTokenizer.newInstance(
            new ByteArrayInputStream(tokenizer.toJson().getBytes(StandardCharsets.UTF_8)),
            Map.of("addSpecialTokens", "false"))) {
      long[] ids = theirs.encode(TEXT, false, false).getIds();
      assertArrayEquals(
          tokenizer.encode(TEXT), Arrays.stream(ids).mapToInt(Math::toIntExact).toArray());
      assertEquals(TEXT, theirs.decode(ids, false));
      // An error and no silent substitute.
      assertThrows(RuntimeException.class, () -> theirs.encode("z", false, false));
    }
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
        "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}}}|its words are not single characters",
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
