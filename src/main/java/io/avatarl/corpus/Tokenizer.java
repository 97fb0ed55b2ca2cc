package io.avatarl.corpus;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.UserError;
import java.io.Serializable;

/**
 * Text to tokens and back. Tokens are the integers in [0, {@link #vocabularySize}).
 *
 * <p>The JSON form ({@code tokenizer.json} of a checkpoint) is an object whose {@code type} names
 * the tokenizer; the other fields are the tokenizer's own.
 */
public sealed interface Tokenizer extends Serializable permits CharacterTokenizer {

  int vocabularySize();

  /**
   * @throws UserError where the text holds what the vocabulary cannot say
   */
  int[] encode(String text);

  /**
   * @throws IndexOutOfBoundsException where a token is not in [0, {@link #vocabularySize})
   */
  String decode(int... tokens);

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

  private static UserError broken(String reason, Exception cause) {
    return new UserError(
        "Not a tokenizer: "
            + reason.lines().findFirst().orElse("")
            + "; restore tokenizer.json from the checkpoint that wrote it",
        cause);
  }
}
