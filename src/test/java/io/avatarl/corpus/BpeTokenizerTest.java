package io.avatarl.corpus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.UserError;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class BpeTokenizerTest {
  private static final String PLAY = GeneratedPlay.write(1, 100_000);
  private static final BpeTokenizer TOKENIZER = BpeTokenizer.train(PLAY, 300);

  @Test
  void mergesByHand() {
    // Words "aab", " aab", " ab" and their counts 2, 1, 1: ab occurs 4 times, aa 3 times and " a"
    // twice. Then "a"+"ab" 3 times against twice.
    BpeTokenizer tokenizer = BpeTokenizer.train("aab aab ab\naab", 2);
    assertEquals(258, tokenizer.vocabularySize());
    assertArrayEquals(new byte[] {'a', 'b'}, tokenizer.bytes(256));
    assertArrayEquals(new byte[] {'a', 'a', 'b'}, tokenizer.bytes(257));
    int space = ByteAlphabet.id((byte) ' ');
    assertArrayEquals(new int[] {257, space, 256}, tokenizer.encode("aab ab"));
  }

  @Test
  void tiesGoToTheLowerLeftTokenThenToTheLowerRightOne() {
    // Twice each: xy, yz, ab and, with the space before them, " x" and " a". The space's id is 220.
    BpeTokenizer tokenizer = BpeTokenizer.train(" xyz xyz abc abd", 1);
    assertEquals("ab", new String(tokenizer.bytes(256), UTF_8));
    assertEquals("ac", new String(BpeTokenizer.train("ad\nac\nad\nac", 1).bytes(256), UTF_8));
  }

  @Test
  void runsAreMergedFromTheLeft() {
    BpeTokenizer tokenizer = BpeTokenizer.train("aaaaa", 2);
    assertEquals("aa", new String(tokenizer.bytes(256), UTF_8));
    assertArrayEquals(
        new int[] {256, ByteAlphabet.id((byte) 'a')},
        tokenizer.encode("aaa"),
        "as the encoder does");
  }

  @Test
  void nothingIsMergedThatOccursOnce() {
    assertEquals(256, BpeTokenizer.train("abcdefg", 100).vocabularySize());
    assertEquals(256, BpeTokenizer.train("", 100).vocabularySize());
    assertEquals(256, BpeTokenizer.train("aaaa", 0).vocabularySize());
  }

  @Test
  void compressesItsText() {
    assertEquals(556, TOKENIZER.vocabularySize());
    int[] tokens = TOKENIZER.encode(PLAY);
    assertTrue(tokens.length < PLAY.length() / 2, tokens.length + " tokens");
    assertEquals(PLAY, TOKENIZER.decode(tokens));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "\n",
        "\r",
        "a\rb\r\nc\n\rd",
        "  two  spaces  ",
        "tab\tvertical\u000bform\u000cfeed",
        "\u0001\u0002\u001b[0m\u007f",
        "\u0085\u00a0\u1680\u2003\u2028\u202f\u3000",
        "e\u0301 a\u0323\u0302 \u0915\u094d\u0937",
        "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 𝔸𝔹 𐍈 \uD83D\uDE00",
        "中文沒有空格。日本語も。",
        "\ufeffbyte order mark",
        "\ufffd \uffff \ue000 \udbff\udfff",
        "don't we'll I'm you're they've 'tis",
        "١٢٣ Ⅷ ½ 42",
      })
  void roundTrip(String text) {
    assertRoundTrip(text);
    assertRoundTrip(text.repeat(300));
    assertRoundTrip("word " + text.repeat(100) + " word");
  }

  @Test
  void roundTripOfRandomTexts() {
    RandomStream random = new RandomStream(11);
    int[] alphabet =
        "aeZ  \n\n\r\t'st.,09é\u0301\u0085\u00a0\u2003\u3000中。😀𝔸\u200d\u0001\ufffd"
            .codePoints()
            .toArray();
    for (int i = 0; i < 300; i++) {
      int length = random.nextInt(700);
      boolean anything = i % 2 == 0;
      StringBuilder text = new StringBuilder();
      while (text.length() < length) {
        int c =
            anything
                ? random.nextInt(Character.MAX_CODE_POINT + 1)
                : alphabet[random.nextInt(alphabet.length)];
        if (Character.isBmpCodePoint(c) && Character.isSurrogate((char) c)) {
          continue;
        }
        text.appendCodePoint(c);
      }
      assertRoundTrip(text.toString());
    }
  }

  private static void assertRoundTrip(String text) {
    int[] tokens = TOKENIZER.encode(text);
    assertEquals(text, TOKENIZER.decode(tokens));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int[] characters = TOKENIZER.characters();
    int count = 0;
    for (int token : tokens) {
      bytes.writeBytes(TOKENIZER.bytes(token));
      count += characters[token];
    }
    assertEquals(text, bytes.toString(UTF_8));
    assertEquals(text.codePointCount(0, text.length()), count);
  }

  /**
   * A boundary that is none would change the tokens of long texts only; found here by brute force.
   */
  @Test
  void cutsAtBoundariesChangeNoToken() {
    RandomStream random = new RandomStream(5);
    int[] alphabet =
        "ab  \n\n\r\t's.1é\u0085\u00a0\u2003\u3000\u180e中。😀\u200d\u0001".codePoints().toArray();
    int boundaries = 0;
    for (int i = 0; i < 200; i++) {
      int[] codePoints =
          random.ints(30, 0, alphabet.length).map(index -> alphabet[index]).toArray();
      byte[] utf8 = new String(codePoints, 0, codePoints.length).getBytes(UTF_8);
      int[] whole = TOKENIZER.encode(new String(utf8, UTF_8));
      for (int at = 1; at < utf8.length; at++) {
        if (TOKENIZER.isBoundary(utf8, at)) {
          boundaries++;
          int[] left = TOKENIZER.encode(new String(utf8, 0, at, UTF_8));
          int[] right = TOKENIZER.encode(new String(utf8, at, utf8.length - at, UTF_8));
          assertArrayEquals(
              whole, IntStream.concat(Arrays.stream(left), Arrays.stream(right)).toArray());
        }
      }
    }
    assertTrue(boundaries > 300, boundaries + " boundaries");
  }

  @Test
  void partsOfACharacterAreTokensToo() {
    int[] tokens = BpeTokenizer.train("", 0).encode("é😀");
    assertEquals(6, tokens.length);
    int[] characters = TOKENIZER.characters();
    assertEquals(2, Arrays.stream(tokens).map(t -> characters[t]).sum());
  }

  @Test
  void halfACharacterIsRefused() {
    assertEquals(
        "U+D83D is half a character; leave it out of the text",
        assertThrows(UserError.class, () -> TOKENIZER.encode("a\ud83d")).getMessage());
  }

  @Test
  void tokensOutsideTheVocabularyAreRefused() {
    assertThrows(IndexOutOfBoundsException.class, () -> TOKENIZER.decode(556));
    assertThrows(IndexOutOfBoundsException.class, () -> TOKENIZER.decode(-1));
    assertThrows(IndexOutOfBoundsException.class, () -> TOKENIZER.bytes(556));
  }

  @Test
  void jsonTellsTheTokenizersApart() {
    assertEquals(TOKENIZER, Tokenizer.fromJson(TOKENIZER.toJson()));
    assertInstanceOf(
        CharacterTokenizer.class, Tokenizer.fromJson(CharacterTokenizer.of("ab").toJson()));
  }

  /** As GPT-2's {@code <|endoftext|>}: in the vocabulary as well, or after its end. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anAddedTokenIsOneToken(boolean inTheVocabulary) throws IOException {
    ObjectNode json = (ObjectNode) new ObjectMapper().readTree(TOKENIZER.toJson());
    String content = "<|endoftext|>";
    int id = TOKENIZER.vocabularySize();
    json.withArray("added_tokens")
        .addObject()
        .put("id", id)
        .put("content", content)
        .put("single_word", false)
        .put("lstrip", false)
        .put("rstrip", false)
        .put("normalized", true)
        .put("special", true);
    if (inTheVocabulary) {
      ((ObjectNode) json.path("model").path("vocab")).put(content, id);
    }
    Tokenizer tokenizer = Tokenizer.fromJson(json.toString());
    assertEquals(id + 1, tokenizer.vocabularySize());
    assertEquals(content, new String(tokenizer.bytes(id), UTF_8));
    String text = "ROMEO: the  " + content + " end" + content + "\n";
    int[] tokens = tokenizer.encode(text);
    assertEquals(2, Arrays.stream(tokens).filter(token -> token == id).count());
    assertEquals(text, tokenizer.decode(tokens));
    int[] more = tokenizer.encode(text.repeat(30));
    assertEquals(30 * tokens.length, more.length);
    for (int i = 0; i < more.length; i++) {
      assertEquals(tokens[i % tokens.length], more[i]);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"model\":{\"type\":\"BPE\"}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{}},\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"decoder\":{\"type\":\"ByteLevel\"}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":1}},\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"decoder\":{\"type\":\"ByteLevel\"}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a"
            + " b\":0}},\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"decoder\":{\"type\":\"ByteLevel\"}}",
        "{\"model\":{\"type\":\"WordPiece\"}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true},\"decoder\":{\"type\":\"ByteLevel\"}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1},\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},\"decoder\":{\"type\":\"ByteLevel\"}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"added_tokens\":[{\"id\":1,\"content\":\"<s>\",\"lstrip\":true}],\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},\"decoder\":{\"type\":\"ByteLevel\"}}",
      })
  void brokenJsonIsRefused(String json) {
    String message = assertThrows(UserError.class, () -> Tokenizer.fromJson(json)).getMessage();
    assertThat(message).startsWith("Not a tokenizer: ");
  }

  @Test
  void survivesSerialization() throws IOException, ClassNotFoundException {
    TOKENIZER.encode("loads the native tokenizer, which must not travel");
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(TOKENIZER);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      BpeTokenizer copy = (BpeTokenizer) in.readObject();
      assertArrayEquals(TOKENIZER.encode("ROMEO:\nSpeak"), copy.encode("ROMEO:\nSpeak"));
    }
  }
}
