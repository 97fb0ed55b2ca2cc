package io.avatarl.corpus;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.UserError;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Byte-level BPE: a token is a run of bytes, so any UTF-8 text can be encoded. Encodes and decodes
 * with Hugging Face's tokenizers through DJL. Only the JSON travels between machines; each JVM that
 * encodes or decodes builds the native tokenizer once.
 *
 * <p>JSON: Hugging Face's {@code tokenizer.json} with a model of type BPE and byte-level
 * pre-tokenizer and decoder, GPT-2's own among them.
 */
public final class BpeTokenizer implements Tokenizer {
  static final String TYPE = "BPE";

  /**
   * @param pieces tokens of the pieces that were encoded first, for all texts of this JVM: a text
   *     comes in chunks, and most of their words are the same
   */
  private record Native(HuggingFaceTokenizer tokenizer, Map<String, int[]> pieces) {}

  /** Native tokenizers by JSON; never closed, since a JVM uses only a few. */
  private static final Map<String, Native> NATIVE = new ConcurrentHashMap<>();

  /** Bounds their memory (some 20 MB); further pieces are encoded again each time. */
  private static final int CACHED_PIECES = 1 << 17;

  private static final int SHORT = 256;

  /** White space outside ASCII, in any version of Unicode. */
  private static final String WHITE_SPACE =
      "\u0085\u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
          + "\u2028\u2029\u202f\u205f\u3000";

  private final String json;
  private final byte[][] bytes;

  private BpeTokenizer(String json, byte[][] bytes) {
    this.json = json;
    this.bytes = bytes;
  }

  /**
   * Learns the vocabulary of a text; see {@link BpeTrainer}.
   *
   * @param text the training split
   * @param merges tokens beyond the 256 bytes; fewer if no pair of tokens occurs twice
   */
  public static BpeTokenizer train(String text, int merges) {
    return (BpeTokenizer) Tokenizer.fromJson(BpeTrainer.train(text, merges));
  }

  /**
   * Learns the vocabulary of counted words.
   *
   * @param words words with their counts (arrays of one entry), from {@link #countWords}; this call
   *     empties the map
   */
  public static BpeTokenizer train(Map<String, int[]> words, int merges) {
    return (BpeTokenizer) Tokenizer.fromJson(BpeTrainer.train(words, merges));
  }

  /**
   * This tokenizer with one more token: if a text has these characters, they are this token.
   *
   * @param token such as GPT-2's {@code <|endoftext|>}: ASCII without white space, in no vocabulary
   *     yet
   */
  public BpeTokenizer with(String token) {
    try {
      ObjectNode node = (ObjectNode) new ObjectMapper().readTree(json);
      node.withArray("/added_tokens")
          .addObject()
          .put("id", bytes.length)
          .put("content", token)
          .put("single_word", false)
          .put("lstrip", false)
          .put("rstrip", false)
          .put("normalized", false)
          .put("special", true);
      return (BpeTokenizer) Tokenizer.fromJson(node.toString());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Adds the counts of a text's words, inside which merges happen. */
  public static void countWords(String text, Map<String, int[]> words) {
    BpeTrainer.count(text, words);
  }

  /**
   * @throws IllegalArgumentException if the object is not a byte-level BPE tokenizer, or if its
   *     tokens may decode to another text
   */
  static BpeTokenizer fromJson(JsonNode node, String json) {
    for (String part : new String[] {"pre_tokenizer", "decoder"}) {
      if (!node.path(part).path("type").asText().equals("ByteLevel")) {
        throw new IllegalArgumentException("its " + part + " is not byte-level");
      }
    }
    JsonNode words = node.path("pre_tokenizer");
    if (words.path("add_prefix_space").asBoolean(true)
        || !words.path("use_regex").asBoolean(true)) {
      throw new IllegalArgumentException(
          "its words are not GPT-2's (add_prefix_space must be false, use_regex true)");
    }
    if (node.path("normalizer").isObject() || node.path("model").path("dropout").asDouble() != 0) {
      throw new IllegalArgumentException("it has a normalizer or dropout, which change texts");
    }
    JsonNode vocabulary = node.path("model").path("vocab");
    JsonNode added = node.path("added_tokens");
    Map<Integer, byte[]> tokens = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : vocabulary.properties()) {
      if (tokens.put(entry.getValue().asInt(-1), ByteAlphabet.bytes(entry.getKey())) != null) {
        throw new IllegalArgumentException("two entries of its vocabulary have one id");
      }
    }
    for (JsonNode token : added) {
      tokens.put(token.path("id").asInt(-1), addedBytes(token));
    }
    byte[][] bytes = new byte[tokens.size()][];
    for (int id = 0; id < bytes.length; id++) {
      bytes[id] = tokens.get(id);
      if (bytes[id] == null) {
        throw new IllegalArgumentException(
            "the ids of its vocabulary are not 0 to " + (bytes.length - 1));
      }
    }
    if (bytes.length == 0) {
      throw new IllegalArgumentException("it has no vocabulary");
    }
    return new BpeTokenizer(json, bytes);
  }

  /**
   * Checks an added token such as GPT-2's {@code <|endoftext|>}: if a text has these characters,
   * they are this token. White space in or next to it would break the boundaries between words.
   */
  private static byte[] addedBytes(JsonNode token) {
    String content = token.path("content").asText();
    boolean plain =
        content.matches("[!-~]+")
            && !token.path("lstrip").asBoolean()
            && !token.path("rstrip").asBoolean()
            && !token.path("single_word").asBoolean();
    if (!plain) {
      throw new IllegalArgumentException(
          "its added token \"" + content + "\" is not of ASCII characters without white space");
    }
    return content.getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public int vocabularySize() {
    return bytes.length;
  }

  /**
   * {@inheritDoc}
   *
   * <p>Long texts are cut at {@link #isBoundary boundaries} into pieces, mostly words. Each
   * distinct piece is encoded once in a JVM, which gives the same tokens many times faster.
   */
  @Override
  public int[] encode(String text) {
    if (text.length() <= SHORT) {
      return encodePiece(text);
    }
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    Map<String, int[]> pieces = loaded().pieces();
    int[] tokens = new int[utf8.length / 2 + 16];
    int size = 0;
    for (int from = 0, to; from < utf8.length; from = to) {
      to = from + 1;
      while (to < utf8.length && !isBoundary(utf8, to)) {
        to++;
      }
      String piece = new String(utf8, from, to - from, StandardCharsets.UTF_8);
      int[] encoded = pieces.get(piece);
      if (encoded == null) {
        encoded = encodePiece(piece);
        if (piece.length() <= SHORT && pieces.size() < CACHED_PIECES) {
          pieces.put(piece, encoded);
        }
      }
      if (size + encoded.length > tokens.length) {
        tokens = Arrays.copyOf(tokens, Math.max(size + encoded.length, tokens.length * 3 / 2));
      }
      System.arraycopy(encoded, 0, tokens, size, encoded.length);
      size += encoded.length;
    }
    return Arrays.copyOf(tokens, size);
  }

  private int[] encodePiece(String text) {
    requireUnicode(text);
    long[] ids = loaded().tokenizer().encode(text, false, false).getIds();
    int[] tokens = new int[ids.length];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = Math.toIntExact(Objects.checkIndex(ids[i], (long) bytes.length));
    }
    return tokens;
  }

  /** A lone surrogate is not a character and has no UTF-8 form. */
  private static void requireUnicode(String text) {
    text.codePoints()
        .filter(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)
        .findFirst()
        .ifPresent(
            c -> {
              throw new UserError(
                  String.format("U+%04X is half a character; leave it out of the text", c));
            });
  }

  @Override
  public String decode(int... tokens) {
    long[] ids = new long[tokens.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = Objects.checkIndex(tokens[i], bytes.length);
    }
    return loaded().tokenizer().decode(ids, false);
  }

  @Override
  public byte[] bytes(int token) {
    return bytes[token].clone();
  }

  /**
   * {@inheritDoc}
   *
   * <p>True for a space or line break after anything but white space: no alternative of GPT-2's
   * pattern continues from another character into white space, and none looks further than the next
   * character.
   */
  @Override
  public boolean isBoundary(byte[] utf8, int at) {
    return isWordBoundary(utf8, at);
  }

  /** {@link #isBoundary} for any byte-level BPE tokenizer. */
  public static boolean isWordBoundary(byte[] utf8, int at) {
    if (utf8[at] != ' ' && utf8[at] != '\n') {
      return false;
    }
    byte last = utf8[at - 1];
    if (last >= 0) {
      return last > ' ' && last < 0x7f;
    }
    int start = at - 1;
    while (start > 0 && !Tokenizer.beginsCharacter(utf8[start])) {
      start--;
    }
    String character = new String(utf8, start, at - start, StandardCharsets.UTF_8);
    return WHITE_SPACE.indexOf(character.codePointAt(0)) < 0;
  }

  @Override
  public String toJson() {
    return json;
  }

  private Native loaded() {
    return NATIVE.computeIfAbsent(json, j -> new Native(load(j), new ConcurrentHashMap<>()));
  }

  private static HuggingFaceTokenizer load(String json) {
    // The library is in the jar. By default, DJL downloads another one if it sees a GPU, and
    // reports its start to its authors.
    setDefault("RUST_FLAVOR", "cpu");
    setDefault("OPT_OUT_TRACKING", "true");
    try {
      return HuggingFaceTokenizer.newInstance(
          new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)),
          Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (RuntimeException e) {
      throw Tokenizer.broken(String.valueOf(e.getMessage()), e);
    }
  }

  private static void setDefault(String key, String value) {
    if (System.getenv(key) == null && System.getProperty(key) == null) {
      System.setProperty(key, value);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof BpeTokenizer that && json.equals(that.json);
  }

  @Override
  public int hashCode() {
    return json.hashCode();
  }
}
