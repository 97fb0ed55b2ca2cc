package io.avatarl.config;

import java.io.Serializable;

/**
 * @param path any Hadoop path to a UTF-8 text; empty: looked for as {@code corpus.CorpusSource}
 *     says
 * @param sha256 expected checksum of the file in hexadecimal; empty: not checked
 * @param validationFraction the last part of the corpus, held out
 */
public record CorpusConfig(String path, String sha256, double validationFraction)
    implements Serializable {
  public CorpusConfig {
    Check.that(
        sha256.isEmpty() || sha256.matches("[0-9a-f]{64}"),
        "sha256",
        "must be 64 hexadecimal digits in lower case, or empty");
    Check.that(
        validationFraction > 0 && validationFraction < 1,
        "validationFraction",
        validationFraction + " is not between 0 and 1");
  }
}
