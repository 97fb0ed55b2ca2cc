package io.avatarl.corpus;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.UserError;
import java.io.Serializable;

/**
 * Text to tokens and back. Tokens are the integers in [0, {@link #vocabularySize}).
 *
 * <p>The JSON form ({@code tokenizer.json} of a checkpoint) is Hugging Face's for BPE, whose {@code
 * model.type} names it; else an object whose {@code type} names the tokenizer and whose other
 * fields are the tokenizer's own.
 */
public sealed interface Tokenizer extends Serializable permits CharacterTokenizer, BpeTokenizer {

  int vocabularySize();

  /**
   * @throws UserError where the text holds what the vocabulary cannot say
   */
  int[] encode(String text);

  /**
   * @throws IndexOutOfBoundsException where a token is not in [0, {@link #vocabularySize})
   */
  String decode(int... tokens);

  /**
   * The UTF-8 bytes of a token, which need not be whole characters; those of a text's tokens, one
   * after another, are the text.
   *
   * @throws IndexOutOfBoundsException where the token is not in [0, {@link #vocabularySize})
   */
  byte[] bytes(int token);

  /**
   * What a text begins after where nobody says: a line break, or where the vocabulary has none, a
   * space, or its first token.
   */
  default String defaultPrompt() {
    for (String prompt : new String[] {"\n", " "}) {
      try {
        encode(prompt);
        return prompt;
      } catch (UserError e) {
        // Not in this corpus.
      }
    }
    return decode(0);
  }

  /**
   * How many Unicode characters begin in each token, [V]. Summed over tokens that make up a text it
   * is the number of the text's characters, also where tokens share one.
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

  /** Whether a byte of UTF-8 is a character's first. */
  static boolean beginsCharacter(byte b) {
    return (b & 0xc0) != 0x80;
  }

  /**
   * Whether a text can be cut before this byte without changing its tokens: those of the parts, one
   * after another, are those of the whole. Some cuts that would do are not found.
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
   * @throws UserError where the text is not a tokenizer
   */
  static Tokenizer fromJson(String json) {
    try {
      JsonNode node = new ObjectMapper().readTree(json);
      if (node.path("model").path("type").asText().equals(BpeTokenizer.TYPE)) {
        return BpeTokenizer.fromJson(node, json);
      }
      JsonNode type = node.path("type");
      return switch (type.asText()) {
        case CharacterTokenizer.TYPE -> CharacterTokenizer.fromJson(node);
        default -> throw new IllegalArgumentException("its type is " + type);
      };
    } catch (JsonProcessingException e) {
      throw broken(e.getOriginalMessage(), e);
    } catch (IllegalArgumentException e) {
      throw broken(e.getMessage(), e);
    }
  }

  /** The error of a text that is no tokenizer. */
  static UserError broken(String reason, Exception cause) {
    return new UserError(
        "Not a tokenizer: "
            + reason.lines().findFirst().orElse("")
            + "; restore tokenizer.json from the checkpoint that wrote it",
        cause);
  }
}
