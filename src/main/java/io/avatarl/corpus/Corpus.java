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
 * A tokenized text and its split. The last part is for validation and nothing is trained on it; the
 * two parts are contiguous (nanoGPT's convention: the first ⌊n·(1−fraction)⌋ characters are for
 * training). The text is split by characters before it is tokenized, part by part, so that every
 * tokenizer has the same two texts. The vocabulary of characters is that of the whole text; what
 * BPE learns, it learns from the training split.
 *
 * <p>A text is held in memory, 4 bytes per token; a {@link TokenFolder} leaves its tokens in its
 * files, and what is held does not grow with it.
 *
 * <p>Immutable and serializable: it is broadcast to executors. Token arrays are shared, not copied;
 * nobody writes into them.
 */
public final class Corpus implements Serializable {
  /** What some editors put before a text, and no part of it. */
  static final char BYTE_ORDER_MARK = '\ufeff';

  /** FF FE or FE FF, added: how a text in UTF-16 begins, and none in UTF-8 can. */
  private static final int UTF16_MARK = 0xff + 0xfe;

  private final String name;
  private final String sha256;
  private final Tokenizer tokenizer;
  private final Tokens train;
  private final int[] validation;
  private final long validationTokens;

  /**
   * @param validation tokens that are scored
   * @param validationTokens of the split, of which these are a part
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

  /** Makes the tokenizer of a text. */
  private interface TokenizerMaker {
    Tokenizer of(String text, String train);
  }

  /**
   * A corpus in a vocabulary of its own.
   *
   * @param name where the text came from, for messages and summaries
   * @param utf8 the text
   * @param config the kind of tokenizer and the share kept for validation
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
   * A corpus of characters, its vocabulary being its own distinct characters.
   *
   * @param name where the text came from, for messages and summaries
   * @param utf8 the text
   * @param validationFraction the share kept for validation, in (0, 1)
   * @throws UserError where the text is empty, binary or not UTF-8, or the fraction is out of range
   */
  public static Corpus of(String name, byte[] utf8, double validationFraction) {
    return of(name, utf8, validationFraction, (text, train) -> CharacterTokenizer.of(text));
  }

  /**
   * A corpus in an existing vocabulary, as when a checkpoint's model is evaluated.
   *
   * @throws UserError as above, or where the text holds what the tokenizer cannot encode
   */
  public static Corpus of(
      String name, byte[] utf8, double validationFraction, Tokenizer tokenizer) {
    return of(
        name,
        utf8,
        validationFraction,
        (text, train) -> {
          if (tokenizer instanceof CharacterTokenizer characters) {
            // Before the split, so that a complaint counts positions from the text's beginning.
            characters.requireKnown(text);
          }
          return tokenizer;
        });
  }

  /**
   * A corpus that is tokenized already.
   *
   * @param sha256 tells it from others
   * @param validation the whole split
   */
  public static Corpus ofTokens(
      String name, String sha256, Tokenizer tokenizer, Tokens train, int[] validation) {
    return new Corpus(name, sha256, tokenizer, train, validation, validation.length);
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
          "Corpus " + name + " is UTF-16; convert it by: iconv -f UTF-16 -t UTF-8 IN > OUT");
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
   * The tokens of the validation split that are scored: all, or where a limit was set and there are
   * more, stretches from its whole length. Shared: not to be written into.
   */
  public int[] validation() {
    return validation;
  }

  /** Tokens of the validation split, scored or not. */
  public long validationTokens() {
    return validationTokens;
  }

  /** The same, of which at most so many tokens of the validation split are scored; 0: all. */
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
