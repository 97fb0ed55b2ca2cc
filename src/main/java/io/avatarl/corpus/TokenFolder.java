package io.avatarl.corpus;

import io.avatarl.config.UserError;
import io.avatarl.files.Sha256;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/**
 * A tokenized corpus in a folder of plain files (the layout of nanoGPT's and llm.c's {@code .bin}
 * files, which {@code numpy.memmap} reads):
 *
 * <pre>
 * TOKENS/train/part-00000.bin …        little-endian uint8, uint16 or int32; all, by name, are the split
 * TOKENS/validation/part-00000.bin …
 * TOKENS/tokenizer.json
 * TOKENS/manifest.json                 written last
 * </pre>
 */
public final class TokenFolder {
  public static final String MANIFEST = "manifest.json";
  public static final String TOKENIZER = "tokenizer.json";
  public static final String TRAIN = "train";
  public static final String VALIDATION = "validation";

  private static final String AGAIN = "; make the folder again with jobs/tokenize.sh";

  private final Storage storage;
  private final String path;
  private final TokenManifest manifest;
  private final Tokenizer tokenizer;

  private TokenFolder(Storage storage, String path, TokenManifest manifest, Tokenizer tokenizer) {
    this.storage = storage;
    this.path = path;
    this.manifest = manifest;
    this.tokenizer = tokenizer;
  }

  /** Whether there is a complete token folder. */
  public static boolean isAt(Storage storage, String path) {
    return storage.exists(Storage.resolve(path, MANIFEST));
  }

  /**
   * Opens a folder and checks every file's length; {@link #verify} also checks the contents.
   *
   * @throws UserError if the folder is incomplete or does not match its manifest
   */
  public static TokenFolder open(Storage storage, String path) {
    if (!isAt(storage, path)) {
      throw new UserError(
          path
              + ": has no "
              + MANIFEST
              + ", so it is not a token folder, or not a complete one; finish it with"
              + " jobs/tokenize.sh");
    }
    String file = Storage.resolve(path, MANIFEST);
    TokenManifest manifest = TokenManifest.fromJson(file, storage.readString(file));
    byte[] json = storage.readBytes(Storage.resolve(path, TOKENIZER));
    if (!Sha256.of(json).equals(manifest.tokenizerSha256())) {
      throw new UserError(
          path + ": " + TOKENIZER + " is not the one that its tokens were made with" + AGAIN);
    }
    Tokenizer tokenizer = Tokenizer.fromJson(new String(json, StandardCharsets.UTF_8));
    if (tokenizer.vocabularySize() != manifest.vocabulary()) {
      throw new UserError(
          path
              + ": its vocabulary has "
              + tokenizer.vocabularySize()
              + " tokens, but the manifest says "
              + manifest.vocabulary()
              + AGAIN);
    }
    TokenFolder folder = new TokenFolder(storage, path, manifest, tokenizer);
    folder.requireLengths(TRAIN, manifest.train());
    folder.requireLengths(VALIDATION, manifest.validation());
    return folder;
  }

  private void requireLengths(String split, List<TokenManifest.Part> parts) {
    if (parts.isEmpty()) {
      return;
    }
    SortedMap<String, Long> lengths = storage.lengths(Storage.resolve(path, split));
    int width = manifest.tokenType().bytes();
    for (TokenManifest.Part part : parts) {
      Long length = lengths.get(part.name());
      if (length == null || length != part.tokens() * width) {
        throw new UserError(
            path
                + ": "
                + split
                + "/"
                + part.name()
                + (length == null
                    ? " is missing"
                    : " has " + length + " bytes instead of " + part.tokens() * width)
                + AGAIN);
      }
    }
  }

  /** Completes a folder: writes the tokenizer, then the manifest. */
  public static void finish(
      Storage storage, String path, TokenManifest manifest, Tokenizer tokenizer) {
    storage.writeString(Storage.resolve(path, TOKENIZER), tokenizer.toJson());
    storage.writeString(Storage.resolve(path, MANIFEST), manifest.toJson());
  }

  /** A manifest of version {@value TokenManifest#VERSION}. */
  public static TokenManifest manifest(
      Tokenizer tokenizer,
      TokenManifest.Source source,
      TokenManifest.Split split,
      List<TokenManifest.Part> train,
      List<TokenManifest.Part> validation) {
    return new TokenManifest(
        TokenManifest.VERSION,
        TokenType.of(tokenizer.vocabularySize()).numpy(),
        tokenizer.vocabularySize(),
        Sha256.of(tokenizer.toJson().getBytes(StandardCharsets.UTF_8)),
        source,
        split,
        train,
        validation);
  }

  public TokenManifest manifest() {
    return manifest;
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  public String path() {
    return path;
  }

  /** Tokens of the training split. */
  public long trainTokens() {
    return TokenManifest.tokens(manifest.train());
  }

  /** Tokens of the validation split. */
  public long validationTokens() {
    return TokenManifest.tokens(manifest.validation());
  }

  /** The files of both splits by path. */
  public Map<String, TokenManifest.Part> files() {
    Map<String, TokenManifest.Part> files = new LinkedHashMap<>();
    for (TokenManifest.Part part : manifest.train()) {
      files.put(Storage.resolve(path, TRAIN + "/" + part.name()), part);
    }
    for (TokenManifest.Part part : manifest.validation()) {
      files.put(Storage.resolve(path, VALIDATION + "/" + part.name()), part);
    }
    return files;
  }

  /**
   * Reads a file and compares its checksum.
   *
   * @throws UserError if it differs from the manifest
   */
  public static void verify(Storage storage, String file, TokenManifest.Part part) {
    try (InputStream in = storage.open(file, 0)) {
      if (!Sha256.of(in).equals(part.sha256())) {
        throw new UserError(file + ": was altered, its SHA-256 differs from the manifest" + AGAIN);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Limits on what a corpus keeps in memory and on local disk.
   *
   * @param memoryBytes a training split made from at most this many characters is held in memory
   * @param cacheBytes local disk for blocks of remote files, in bytes
   * @param validationTokens most tokens of the validation split to score, evenly spread; 0: all
   */
  public record Limits(long memoryBytes, long cacheBytes, int validationTokens) {}

  /**
   * The corpus in this folder.
   *
   * @param name for messages and summaries
   */
  public Corpus corpus(String name, Limits limits) {
    Tokens train = split(TRAIN, manifest.train(), limits);
    boolean small = manifest.source().characters() <= limits.memoryBytes();
    if (small) {
      files().forEach((file, part) -> verify(storage, file, part));
      train = new TokenArray(train.toArray());
    }
    Tokens validation = split(VALIDATION, manifest.validation(), limits);
    int most = limits.validationTokens() == 0 ? Integer.MAX_VALUE : limits.validationTokens();
    return new Corpus(
        name, manifest.sha256(), tokenizer, train, validation.sample(most), validation.length());
  }

  private StoredTokens split(String split, List<TokenManifest.Part> parts, Limits limits) {
    return new StoredTokens(
        storage,
        Storage.resolve(path, split),
        manifest.tokenType(),
        manifest.vocabulary(),
        parts,
        limits.cacheBytes());
  }

  /**
   * Writes tokens as one file of a split, atomically.
   *
   * @param number the file's place in the split
   */
  public static TokenManifest.Part write(
      Storage storage, String path, String split, int number, byte[] bytes, int width) {
    String name = String.format("part-%05d.bin", number);
    storage.writeBytes(Storage.resolve(path, split + "/" + name), bytes);
    return new TokenManifest.Part(name, bytes.length / width, Sha256.of(bytes));
  }
}
