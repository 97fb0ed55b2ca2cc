package io.avatarl.corpus;

import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Sha256;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Finds the text to train on. It tries, in order: the path that the user named; {@code
 * $AVATARL_CORPUS}; {@code data/tinyshakespeare/input.txt} under the home directory; a download of
 * the same text, which is saved there. Only if no network answers, it is a {@link GeneratedPlay}.
 */
public final class CorpusSource implements CorpusProvider {
  /** SHA-256 of tinyshakespeare's 1,115,394 bytes. */
  public static final String TINY_SHAKESPEARE_SHA256 =
      "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed";

  /** The environment variable that names a corpus. */
  public static final String VARIABLE = "AVATARL_CORPUS";

  /** Name of the play written by {@link GeneratedPlay}, and the path that asks for it. */
  public static final String GENERATED = "generated";

  private static final String NAME = "tinyshakespeare";
  private static final String FILE = "data/tinyshakespeare/input.txt";
  private static final URI ADDRESS =
      URI.create(
          "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt");
  private static final int TIMEOUT_MILLIS = 5_000;

  /** Length of a byte-order mark in bytes. */
  private static final int MARK = 3;

  private static final long PLAY_SEED = 1;
  private static final int PLAY_CHARACTERS = 1_100_000;

  private final Storage storage;
  private final Map<String, String> environment;
  private final String home;
  private final URI address;
  private final String sha256;
  private final Optional<Tokenizer> vocabulary;

  /**
   * @param home the directory that holds {@code data/}, any Hadoop path
   * @param environment the environment's variables, {@link System#getenv()} in a command
   */
  public CorpusSource(Storage storage, String home, Map<String, String> environment) {
    this(storage, home, environment, ADDRESS, TINY_SHAKESPEARE_SHA256);
  }

  /**
   * @param address where the text is downloaded from
   * @param sha256 of the text at {@code address} and under {@code data/}
   */
  public CorpusSource(
      Storage storage, String home, Map<String, String> environment, URI address, String sha256) {
    this(storage, home, environment, address, sha256, Optional.empty());
  }

  private CorpusSource(
      Storage storage,
      String home,
      Map<String, String> environment,
      URI address,
      String sha256,
      Optional<Tokenizer> vocabulary) {
    this.storage = storage;
    this.home = home;
    this.environment = environment;
    this.address = address;
    this.sha256 = sha256;
    this.vocabulary = vocabulary;
  }

  @Override
  public CorpusSource in(Tokenizer known) {
    return new CorpusSource(storage, home, environment, address, sha256, Optional.of(known));
  }

  /**
   * A text and where it came from.
   *
   * @param bytes the text; UTF-8 unless the user named a file that is not
   * @param name {@code tinyshakespeare}, the path the user named, or {@code generated}
   * @param path where to find the same text again, from any working directory; empty for
   *     tinyshakespeare, which is searched for
   * @param generated whether the text is the generated play
   * @param warnings one line each, for the user; never empty if the generated play replaces a text
   *     that was not found
   */
  public record Found(
      byte[] bytes, String name, String path, boolean generated, List<String> warnings) {}

  /**
   * Finds the text.
   *
   * @param path the corpus the user named, if any; {@value #GENERATED} for the generated play
   * @param expectedSha256 the text's expected SHA-256, if the user gave one
   * @throws UserError if the named text cannot be read, the checksum differs, or the network
   *     answers with something other than the text
   */
  public Found find(Optional<String> path, Optional<String> expectedSha256) {
    Optional<String> variable =
        Optional.ofNullable(environment.get(VARIABLE)).filter(value -> !value.isBlank());
    Found found;
    if (path.isPresent() && path.get().equals(GENERATED)) {
      found = generated(List.of());
    } else if (path.isPresent()) {
      found = read(path.get());
    } else if (variable.isPresent()) {
      found = readVariable(variable.get());
    } else {
      found = tinyShakespeare();
    }
    expectedSha256.ifPresent(
        expected ->
            requireSha256(
                found.bytes(),
                expected,
                found.warnings().isEmpty() || !found.generated()
                    ? "Corpus " + found.name()
                    : "No network answered, and the generated play",
                "name another text with --corpus or correct corpus.sha256"));
    return found;
  }

  /** {@inheritDoc} Loads a single text into memory. */
  @Override
  public LoadedCorpus load(CorpusConfig config, int validationTokens, String parent) {
    Found found =
        find(
            Optional.of(config.path()).filter(path -> !path.isEmpty()),
            Optional.of(config.sha256()).filter(sum -> !sum.isEmpty()));
    Corpus corpus =
        vocabulary
            .map(
                known -> Corpus.of(found.name(), found.bytes(), config.validationFraction(), known))
            .orElseGet(() -> Corpus.of(found.name(), found.bytes(), config));
    return new LoadedCorpus(
        corpus.scoring(validationTokens), found.path(), found.generated(), found.warnings());
  }

  /** The path that the user named, in the configuration or in the environment. */
  public Optional<String> named(String path) {
    return path.isEmpty()
        ? Optional.ofNullable(environment.get(VARIABLE)).filter(value -> !value.isBlank())
        : Optional.of(path);
  }

  private Found read(String path) {
    byte[] bytes = storage.readBytes(path);
    boolean marked =
        bytes.length > MARK
            && new String(bytes, 0, MARK, StandardCharsets.UTF_8).charAt(0)
                == Corpus.BYTE_ORDER_MARK;
    List<String> warnings = new ArrayList<>();
    if (marked) {
      warnings.add(markWarning(path));
    }
    if (hasCarriageReturns(bytes)) {
      warnings.add(carriageReturnWarning(path));
    }
    return new Found(bytes, path, storage.qualified(path), false, warnings);
  }

  /** The warning about a text that begins with a byte-order mark. */
  public static String markWarning(String name) {
    return name + " begins with a byte-order mark, which is ignored";
  }

  /** The warning about a text with Windows line ends. */
  public static String carriageReturnWarning(String name) {
    return name + " has lines that end with CR LF; CR is learned as a character like any other";
  }

  private static boolean hasCarriageReturns(byte[] text) {
    for (int i = 1; i < text.length; i++) {
      if (text[i] == '\n' && text[i - 1] == '\r') {
        return true;
      }
    }
    return false;
  }

  /** Names the variable in an error, because the user did not just type the path. */
  private Found readVariable(String path) {
    try {
      return read(path);
    } catch (UserError e) {
      throw new UserError("$" + VARIABLE + ": " + e.getMessage(), e);
    }
  }

  private Found tinyShakespeare() {
    String file = Storage.resolve(home, FILE);
    if (storage.exists(file)) {
      byte[] bytes = storage.readBytes(file);
      requireSha256(
          bytes, sha256, file, "delete it to download it again, or name another with --corpus");
      return new Found(bytes, NAME, "", false, List.of());
    }
    byte[] bytes;
    try {
      bytes = download();
    } catch (IOException e) {
      return generated(e);
    }
    requireSha256(
        bytes, sha256, "The download " + address, "try again, or name a text with --corpus");
    return new Found(bytes, NAME, "", false, save(file, bytes));
  }

  private byte[] download() throws IOException {
    HttpURLConnection connection = (HttpURLConnection) address.toURL().openConnection();
    connection.setConnectTimeout(TIMEOUT_MILLIS);
    connection.setReadTimeout(TIMEOUT_MILLIS);
    try {
      int status = connection.getResponseCode();
      if (status != HttpURLConnection.HTTP_OK) {
        throw new UserError(
            "The download "
                + address
                + " answered HTTP "
                + status
                + "; try again, or name a text with --corpus");
      }
      try (InputStream in = connection.getInputStream()) {
        return in.readAllBytes();
      }
    } finally {
      connection.disconnect();
    }
  }

  /** If the home directory is not writable, the next run downloads again; this one goes on. */
  private List<String> save(String file, byte[] bytes) {
    try {
      storage.writeBytes(file, bytes);
      return List.of();
    } catch (UserError | UncheckedIOException e) {
      return List.of("The download was not saved: " + e.getMessage());
    }
  }

  private Found generated(IOException reason) {
    String warning =
        "No network answered at "
            + address
            + " ("
            + reason.getClass().getSimpleName()
            + ": "
            + reason.getMessage()
            + "); training on a GENERATED play; its results say nothing about tinyshakespeare."
            + " Name a text with --corpus or $"
            + VARIABLE;
    return generated(List.of(warning));
  }

  private static Found generated(List<String> warnings) {
    return new Found(
        GeneratedPlay.write(PLAY_SEED, PLAY_CHARACTERS).getBytes(StandardCharsets.US_ASCII),
        GENERATED,
        GENERATED,
        true,
        warnings);
  }

  private static void requireSha256(byte[] bytes, String expected, String what, String fix) {
    String actual = Sha256.of(bytes);
    if (!actual.equalsIgnoreCase(expected)) {
      throw new UserError(
          what + " has SHA-256 " + actual + " and not the expected " + expected + "; " + fix);
    }
  }
}
