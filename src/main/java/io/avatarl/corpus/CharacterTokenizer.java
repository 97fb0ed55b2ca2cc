package io.avatarl.corpus;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.UserError;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * One token per Unicode code point. The vocabulary is the sorted distinct code points of the text
 * it was made from, and a token is an index into it (nanoGPT's {@code shakespeare_char}).
 *
 * <p>JSON: {@code {"type": "character", "vocabulary": ["\n", " ", "!", …]}}, in token order.
 */
public final class CharacterTokenizer implements Tokenizer {
  static final String TYPE = "character";

  private static final int ASCII = 128;

  private final int[] vocabulary;

  /**
   * Tokens of ASCII characters by code point, which are the most frequent; negative if there is
   * none.
   */
  private final int[] ascii = new int[ASCII];

  private CharacterTokenizer(int[] vocabulary) {
    this.vocabulary = vocabulary;
    Arrays.setAll(ascii, c -> Arrays.binarySearch(vocabulary, c));
  }

  /** The tokenizer whose vocabulary is the text's own characters. */
  public static CharacterTokenizer of(String text) {
    return of(text.codePoints());
  }

  /** The tokenizer of these characters, in any order; duplicates are allowed. */
  public static CharacterTokenizer of(IntStream codePoints) {
    BitSet seen = new BitSet();
    codePoints.forEach(seen::set);
    return new CharacterTokenizer(seen.stream().toArray());
  }

  /**
   * @throws IllegalArgumentException if the object is not a character tokenizer
   */
  static CharacterTokenizer fromJson(JsonNode node) {
    JsonNode entries = node.path("vocabulary");
    int[] vocabulary = new int[entries.size()];
    for (int token = 0; token < vocabulary.length; token++) {
      String entry = entries.path(token).asText();
      if (entry.codePointCount(0, entry.length()) != 1) {
        throw new IllegalArgumentException("vocabulary entry " + token + " is not one character");
      }
      vocabulary[token] = entry.codePointAt(0);
      if (token > 0 && vocabulary[token] <= vocabulary[token - 1]) {
        throw new IllegalArgumentException("vocabulary entry " + token + " is out of order");
      }
    }
    if (vocabulary.length == 0) {
      throw new IllegalArgumentException("it has no vocabulary");
    }
    return new CharacterTokenizer(vocabulary);
  }

  @Override
  public int vocabularySize() {
    return vocabulary.length;
  }

  /**
   * @throws UserError if the text holds another character
   */
  void requireKnown(String text) {
    encode(text);
  }

  @Override
  public int[] encode(String text) {
    int[] tokens = new int[text.length()];
    int position = 0;
    for (int i = 0, c; i < text.length(); i += Character.charCount(c)) {
      c = text.codePointAt(i);
      int token = c < ASCII ? ascii[c] : Arrays.binarySearch(vocabulary, c);
      if (token < 0) {
        throw unknown(c, position);
      }
      tokens[position++] = token;
    }
    return position == tokens.length ? tokens : Arrays.copyOf(tokens, position);
  }

  private UserError unknown(int codePoint, int position) {
    return new UnknownCharacter(
        "Character "
            + escaped(codePoint)
            + " at position "
            + position
            + " (the first is 0) is not one of the corpus's "
            + vocabulary.length
            + " characters; leave it out or write it differently");
  }

  @Override
  public String decode(int... tokens) {
    StringBuilder text = new StringBuilder(tokens.length);
    for (int token : tokens) {
      text.appendCodePoint(vocabulary[token]);
    }
    return text.toString();
  }

  @Override
  public byte[] bytes(int token) {
    return Character.toString(vocabulary[token]).getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public boolean isBoundary(byte[] utf8, int at) {
    return Tokenizer.beginsCharacter(utf8[at]);
  }

  @Override
  public String toJson() {
    ObjectNode node = JsonNodeFactory.instance.objectNode().put("type", TYPE);
    for (int codePoint : vocabulary) {
      node.withArray("vocabulary").add(Character.toString(codePoint));
    }
    return node.toString();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof CharacterTokenizer that && Arrays.equals(vocabulary, that.vocabulary);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(vocabulary);
  }

  /** The character for a message, with line breaks and control codes escaped. */
  private static String escaped(int codePoint) {
    String number = String.format("U+%04X", codePoint);
    return codePoint > ' ' && codePoint < 0x7f
        ? "'" + Character.toString(codePoint) + "' (" + number + ")"
        : number;
  }
}
