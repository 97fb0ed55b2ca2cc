package io.avatarl.corpus;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.UserError;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * One token per Unicode code point. The vocabulary is the sorted distinct code points of the text
 * it was made from, and a token is an index into it (nanoGPT's {@code shakespeare_char}).
 *
 * <p>JSON: Hugging Face's {@code tokenizer.json} with a model of type WordLevel over characters, a
 * pre-tokenizer that isolates each of them and a decoder that joins them without spaces. Version
 * 0.1 wrote {@code {"type": "character", "vocabulary": ["\n", " ", "!", …]}}, in token order, which
 * is read as well.
 */
public final class CharacterTokenizer implements Tokenizer {
  /** Of the model in {@code tokenizer.json}. */
  static final String TYPE = "WordLevel";

  /** Of the whole file, in version 0.1. */
  static final String OLD_TYPE = "character";

  /** Any character, line breaks included; the dot of a regular expression stops at these. */
  private static final String ANY = "[\\s\\S]";

  /** No entry of the vocabulary: a character outside it is an error, as here. */
  private static final String UNKNOWN = "<unk>";

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
    JsonNode split = node.path("pre_tokenizer");
    if (!split.path("type").asText().equals("Split")
        || !split.path("pattern").path("Regex").asText().equals(ANY)
        || !split.path("behavior").asText().equals("Isolated")
        || !node.path("decoder").path("type").asText().equals("Fuse")) {
      throw new IllegalArgumentException("its words are not single characters");
    }
    if (node.path("normalizer").isObject() || node.path("added_tokens").size() > 0) {
      throw new IllegalArgumentException("it has a normalizer or added tokens");
    }
    JsonNode entries = node.path("model").path("vocab");
    String[] vocabulary = new String[entries.size()];
    for (Map.Entry<String, JsonNode> entry : entries.properties()) {
      JsonNode id = entry.getValue();
      int token = id.isInt() ? id.intValue() : -1;
      if (token < 0 || token >= vocabulary.length || vocabulary[token] != null) {
        throw new IllegalArgumentException(
            "the ids of its vocabulary are not 0 to " + (vocabulary.length - 1));
      }
      vocabulary[token] = entry.getKey();
    }
    return of(vocabulary);
  }

  /**
   * Of the form of version 0.1.
   *
   * @throws IllegalArgumentException where the object is not a character tokenizer's
   */
  static CharacterTokenizer fromOldJson(JsonNode node) {
    JsonNode entries = node.path("vocabulary");
    String[] vocabulary = new String[entries.size()];
    Arrays.setAll(vocabulary, token -> entries.path(token).asText());
    return of(vocabulary);
  }

  private static CharacterTokenizer of(String... entries) {
    int[] vocabulary = new int[entries.length];
    for (int token = 0; token < vocabulary.length; token++) {
      String entry = entries[token];
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
    ObjectNode root = JsonNodeFactory.instance.objectNode().put("version", "1.0");
    root.putNull("truncation").putNull("padding").putArray("added_tokens");
    root.putNull("normalizer");
    ObjectNode split = root.putObject("pre_tokenizer").put("type", "Split");
    split.putObject("pattern").put("Regex", ANY);
    split.put("behavior", "Isolated").put("invert", false);
    root.putNull("post_processor");
    root.putObject("decoder").put("type", "Fuse");
    ObjectNode model = root.putObject("model").put("type", TYPE);
    ObjectNode entries = model.putObject("vocab");
    for (int token = 0; token < vocabulary.length; token++) {
      entries.put(Character.toString(vocabulary[token]), token);
    }
    model.put("unk_token", UNKNOWN);
    return root.toString();
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
