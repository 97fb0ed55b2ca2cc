package io.avatarl.corpus;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import io.avatarl.config.UserError;
import io.avatarl.files.Sha256;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The {@code manifest.json} of a token folder. It is written last: a folder without it is not a
 * corpus.
 *
 * @param version of the layout, {@value #VERSION}
 * @param type NumPy's name of the tokens' type: uint8, uint16 or int32, little-endian
 * @param vocabulary tokens in the vocabulary; each token is below it
 * @param tokenizerSha256 of {@code tokenizer.json}
 * @param source what the tokens were made from
 * @param split how the documents were divided
 * @param train files of the training split, in the order of the text
 * @param validation files of the validation split
 */
public record TokenManifest(
    int version,
    String type,
    int vocabulary,
    String tokenizerSha256,
    Source source,
    Split split,
    List<Part> train,
    List<Part> validation) {
  static final int VERSION = 1;

  private static final ObjectMapper JSON =
      new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  public TokenManifest {
    train = List.copyOf(train);
    validation = List.copyOf(validation);
  }

  /**
   * @param name for people: the path or the table
   * @param fingerprint of the source and of all settings that the tokens depend on: equal
   *     fingerprints mean equal tokens
   * @param documents number of documents with a text
   * @param skipped number of documents without a text (NULL or empty)
   * @param characters of the text, separators included
   * @param sampled whether BPE was learned from only a part of the training split
   */
  public record Source(
      String name,
      String fingerprint,
      long documents,
      long skipped,
      long characters,
      boolean sampled) {}

  /**
   * @param rule {@code position} or {@code document}
   * @param validationFraction the share held out
   */
  public record Split(String rule, double validationFraction) {}

  /**
   * A file of tokens.
   *
   * @param name file name in the split's folder
   * @param tokens number of tokens
   * @param sha256 of its bytes
   */
  public record Part(String name, long tokens, String sha256) implements Serializable {}

  /** Number of tokens in a list of files. */
  static long tokens(List<Part> parts) {
    return parts.stream().mapToLong(Part::tokens).sum();
  }

  String toJson() {
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * @param file for the message
   * @throws UserError if it is not a manifest
   */
  static TokenManifest fromJson(String file, String json) {
    try {
      TokenManifest manifest = JSON.readValue(json, TokenManifest.class);
      if (manifest == null || manifest.version != VERSION) {
        throw new IllegalArgumentException("it is not of version " + VERSION);
      }
      TokenType.valueOf(manifest.type.toUpperCase(java.util.Locale.ROOT));
      for (Part part : manifest.train) {
        requirePlain(part);
      }
      for (Part part : manifest.validation) {
        requirePlain(part);
      }
      return manifest;
    } catch (JsonProcessingException | RuntimeException e) {
      throw new UserError(
          "Not a manifest of tokens: "
              + file
              + ": "
              + String.valueOf(e.getMessage()).lines().findFirst().orElse("")
              + "; make the folder again with jobs/tokenize.sh",
          e);
    }
  }

  /** Refuses names of files outside the folder. */
  private static void requirePlain(Part part) {
    if (!part.name.matches("[A-Za-z0-9_-]+\\.bin") || part.tokens <= 0) {
      throw new IllegalArgumentException("a part is named " + part.name);
    }
  }

  /** Identifies the tokens: 64 lower-case hexadecimal digits. */
  public String sha256() {
    return Sha256.of(toJson().getBytes(StandardCharsets.UTF_8));
  }

  TokenType tokenType() {
    return TokenType.valueOf(type.toUpperCase(java.util.Locale.ROOT));
  }
}
