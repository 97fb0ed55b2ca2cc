package io.avatarl.corpus;

import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Sha256;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * A tokenized text and its split into a training part and a validation part, which nothing is
 * trained on. Both are contiguous (nanoGPT's convention: the first ⌊n·(1−fraction)⌋ characters are
 * for training). The text is split by characters and each part tokenized by itself, so that every
 * tokenizer has the same two texts. A character vocabulary is that of the whole text; BPE learns
 * from the training split only.
 *
 * <p>A text is held in memory, 4 bytes per token. A corpus from a {@link TokenFolder} leaves its
 * tokens in files, and its memory does not grow with their number.
 *
 * <p>Immutable and serializable, since it is broadcast to executors. Token arrays are shared, not
 * copied; callers must not write to them.
 */
public final class Corpus implements Serializable {
  /** Some editors put it before a text; it is not part of the text. */
  static final char BYTE_ORDER_MARK = '\ufeff';

  /**
   * FF + FE: a text that begins with these bytes, in either order, is UTF-16 and cannot be UTF-8.
   */
  private static final int UTF16_MARK = 0xff + 0xfe;

  private final String name;
  private final String sha256;
  private final Tokenizer tokenizer;
  private final Tokens train;
  private final int[] validation;
  private final long validationTokens;

  /**
   * @param validation tokens of the validation split that are scored
   * @param validationTokens tokens in the whole validation split
   */
  Corpus(
      String name,
      String sha256,
      Tokenizer tokenizer,
      Tokens train,
      int[] validation,
      long validationTokens) {
    this.name = name;
    this.sha256 = sha256;
    this.tokenizer = tokenizer;
    this.train = train;
    this.validation = validation;
    this.validationTokens = validationTokens;
  }

  /** Creates the tokenizer for a text. */
  private interface TokenizerMaker {
    Tokenizer of(String text, String train);
  }

  /**
   * A corpus with a vocabulary of its own.
   *
   * @param name where the text came from, for messages and summaries
   * @param utf8 the text
   * @param config the kind of tokenizer and the fraction kept for validation
   * @throws UserError where the text is empty, binary or not UTF-8
   */
  public static Corpus of(String name, byte[] utf8, CorpusConfig config) {
    return of(
        name,
        utf8,
        config.validationFraction(),
        (text, train) ->
            switch (config.tokenizer()) {
              case CHARACTER -> CharacterTokenizer.of(text);
              case BPE -> BpeTokenizer.train(train, config.bpe().merges());
            });
  }

  /**
   * A corpus of characters; its vocabulary is its own distinct characters.
   *
   * @param name where the text came from, for messages and summaries
   * @param utf8 the text
   * @param validationFraction the share kept for validation, in (0, 1)
   * @throws UserError if the text is empty, binary or not UTF-8, or the fraction is out of range
   */
  public static Corpus of(String name, byte[] utf8, double validationFraction) {
    return of(name, utf8, validationFraction, (text, train) -> CharacterTokenizer.of(text));
  }

  /**
   * A corpus in an existing vocabulary, for example to evaluate a checkpoint's model.
   *
   * @throws UserError as above, or if the tokenizer cannot encode the text
   */
  public static Corpus of(
      String name, byte[] utf8, double validationFraction, Tokenizer tokenizer) {
    return of(
        name,
        utf8,
        validationFraction,
        (text, train) -> {
          if (tokenizer instanceof CharacterTokenizer characters) {
            // Before the split, so that an error counts positions from the beginning of the text.
            characters.requireKnown(text);
          }
          return tokenizer;
        });
  }

  /**
   * A corpus that is already tokenized.
   *
   * @param sha256 identifies the corpus
   * @param validation the whole validation split
   */
  public static Corpus ofTokens(
      String name, String sha256, Tokenizer tokenizer, Tokens train, int[] validation) {
    return new Corpus(name, sha256, tokenizer, train, validation, validation.length);
  }

  /** A vocabulary without a text, to draw and score continuations of prompts. */
  public static Corpus ofVocabulary(Tokenizer tokenizer) {
    return ofTokens("", "", tokenizer, new TokenArray(new int[0]), new int[0]);
  }

  private static Corpus of(
      String name, byte[] utf8, double validationFraction, TokenizerMaker tokenizers) {
    if (!(validationFraction > 0 && validationFraction < 1)) {
      throw new UserError(
          "The validation fraction "
              + validationFraction
              + " is not between 0 and 1 (both excluded); 0.1 keeps the last tenth");
    }
    String text = decode(name, utf8);
    long trainCharacters =
        trainCharacters(text.codePointCount(0, text.length()), validationFraction);
    int cut = text.offsetByCodePoints(0, (int) trainCharacters);
    String train = text.substring(0, cut);
    Tokenizer tokenizer = tokenizers.of(text, train);
    int[] validation = tokenizer.encode(text.substring(cut));
    return new Corpus(
        name,
        Sha256.of(utf8),
        tokenizer,
        new TokenArray(tokenizer.encode(train)),
        validation,
        validation.length);
  }

  /** Characters of a text that are for training: the first ⌊n·(1−fraction)⌋. */
  public static long trainCharacters(long characters, double validationFraction) {
    return (long) (characters * (1 - validationFraction));
  }

  private static String decode(String name, byte[] utf8) {
    if (utf8.length == 0) {
      throw new UserError("Corpus " + name + " is empty; name a text file with --corpus");
    }
    if (utf8.length > 1 && (utf8[0] & 0xff) + (utf8[1] & 0xff) == UTF16_MARK) {
      throw new UserError(
          "Corpus " + name + " is UTF-16; convert it with: iconv -f UTF-16 -t UTF-8 IN > OUT");
    }
    for (int i = 0; i < utf8.length; i++) {
      if (utf8[i] == 0) {
        throw new UserError(
            "Corpus "
                + name
                + " is not text: byte "
                + i
                + " is NUL; name a UTF-8 text file with --corpus");
      }
    }
    ByteBuffer bytes = ByteBuffer.wrap(utf8);
    CharBuffer characters = CharBuffer.allocate(utf8.length);
    CoderResult result =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .decode(bytes, characters, true);
    if (result.isError()) {
      throw new UserError(
          "Corpus "
              + name
              + " is not UTF-8: byte "
              + bytes.position()
              + String.format(" is 0x%02X", utf8[bytes.position()])
              + "; convert the file to UTF-8 or name another with --corpus");
    }
    String text = characters.flip().toString();
    if (text.length() == 1 && text.charAt(0) == BYTE_ORDER_MARK) {
      throw new UserError("Corpus " + name + " is empty; name a text file with --corpus");
    }
    return text.charAt(0) == BYTE_ORDER_MARK ? text.substring(1) : text;
  }

  /** Where the text came from. */
  public String name() {
    return name;
  }

  /** SHA-256 of the text's bytes: 64 lower-case hexadecimal digits. */
  public String sha256() {
    return sha256;
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /** The training split. */
  public Tokens train() {
    return train;
  }

  /**
   * The tokens of the validation split that are scored: all, or up to the limit, in stretches from
   * its whole length. Shared: do not write to it.
   */
  public int[] validation() {
    return validation;
  }

  /** Number of tokens in the validation split, scored or not. */
  public long validationTokens() {
    return validationTokens;
  }

  /** A copy that scores at most {@code most} tokens of the validation split; 0: all. */
  public Corpus scoring(int most) {
    return most == 0 || validation.length <= most
        ? this
        : new Corpus(
            name,
            sha256,
            tokenizer,
            train,
            new TokenArray(validation).sample(most),
            validationTokens);
  }

  /**
   * Refuses a corpus that cannot fill one window of context + 1 tokens from each split.
   *
   * @throws UserError naming both lengths
   */
  public void requireWindows(int context) {
    requireWindow("training", train.length(), context);
    requireWindow("validation", validation.length, context);
  }

  private void requireWindow(String split, long tokens, int context) {
    if (tokens < context + 1) {
      throw new UserError(
          "Corpus "
              + name
              + " is too short: its "
              + split
              + " split has "
              + tokens
              + " tokens and one window of context "
              + context
              + " takes "
              + (context + 1L)
              + "; give a longer text (--corpus) or a shorter context (--set model.context=N)");
    }
  }
}
