package io.avatarl.corpus;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.UserError;
import java.io.Serializable;

/**
 * Text to tokens and back. Tokens are the integers in [0, {@link #vocabularySize}).
 *
 * <p>The JSON form ({@code tokenizer.json} of a checkpoint) is Hugging Face's, whose {@code
 * model.type} tells the tokenizers apart.
 */
public sealed interface Tokenizer extends Serializable permits CharacterTokenizer, BpeTokenizer {

  int vocabularySize();

  /**
   * @throws UserError if the vocabulary cannot encode the text
   */
  int[] encode(String text);

  /**
   * @throws IndexOutOfBoundsException if a token is not in [0, {@link #vocabularySize})
   */
  String decode(int... tokens);

  /**
   * The UTF-8 bytes of a token, which need not be whole characters. The bytes of a text's tokens,
   * joined, are the text.
   *
   * @throws IndexOutOfBoundsException if the token is not in [0, {@link #vocabularySize})
   */
  byte[] bytes(int token);

  /**
   * The prompt if the user gives none: a line break, else a space, else the vocabulary's first
   * token.
   */
  default String defaultPrompt() {
    for (String prompt : new String[] {"\n", " "}) {
      try {
        encode(prompt);
        return prompt;
      } catch (UserError e) {
        // Not in this vocabulary.
      }
    }
    return decode(0);
  }

  /**
   * How many Unicode characters begin in each token, [V]. The sum over a text's tokens is its
   * number of characters, even if tokens share one.
   */
  default int[] characters() {
    int[] characters = new int[vocabularySize()];
    for (int token = 0; token < characters.length; token++) {
      for (byte b : bytes(token)) {
        characters[token] += beginsCharacter(b) ? 1 : 0;
      }
    }
    return characters;
  }

  /** Whether a byte of UTF-8 is the first of a character. */
  static boolean beginsCharacter(byte b) {
    return (b & 0xc0) != 0x80;
  }

  /**
   * Whether a text can be cut before this byte without changing its tokens: the tokens of the
   * parts, joined, are those of the whole. Some possible cuts return false.
   *
   * @param utf8 a text
   * @param at in [1, length)
   */
  boolean isBoundary(byte[] utf8, int at);

  /** What {@link #fromJson} reads. */
  String toJson();

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @throws UserError if the text is not a tokenizer
   */
  static Tokenizer fromJson(String json) {
    try {
      JsonNode node = new ObjectMapper().readTree(json);
      JsonNode type = node.path("model").path("type");
      if (type.isMissingNode()) {
        type = node.path("type");
      }
      return switch (type.asText()) {
        case BpeTokenizer.TYPE -> BpeTokenizer.fromJson(node, json);
        case CharacterTokenizer.TYPE -> CharacterTokenizer.fromJson(node);
        case CharacterTokenizer.OLD_TYPE -> CharacterTokenizer.fromOldJson(node);
        default -> throw new IllegalArgumentException("its type is " + type);
      };
    } catch (JsonProcessingException e) {
      throw broken(e.getOriginalMessage(), e);
    } catch (IllegalArgumentException e) {
      throw broken(e.getMessage(), e);
    }
  }

  /** The error for a text that is not a tokenizer. */
  static UserError broken(String reason, Exception cause) {
    return new UserError(
        "Not a tokenizer: "
            + reason.lines().findFirst().orElse("")
            + "; restore tokenizer.json from the checkpoint that wrote it",
        cause);
  }
}
