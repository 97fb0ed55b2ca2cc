package io.avatarl.config;

import java.io.Serializable;

/**
 * @param path any Hadoop path to a UTF-8 text; empty: looked for as {@code corpus.CorpusSource}
 *     says
 * @param sha256 expected checksum of the file in hexadecimal; empty: not checked
 * @param validationFraction the last part of the corpus, held out
 * @param tokenizer what a token is
 * @param bpe settings of the byte-level BPE tokenizer
 * @param ngramMinCount n-grams of two and more tokens that occur less often are left out of n-gram
 *     tables; 1 keeps all
 */
public record CorpusConfig(
    String path,
    String sha256,
    double validationFraction,
    TokenizerKind tokenizer,
    BpeConfig bpe,
    int ngramMinCount)
    implements Serializable {
  /** What a token is: one Unicode code point, or a run of bytes that pair merges made. */
  public enum TokenizerKind {
    CHARACTER,
    BPE
  }

  /**
   * @param merges pair merges learnt from the training split; the vocabulary has 256 tokens more
   */
  public record BpeConfig(int merges) implements Serializable {
    public BpeConfig {
      Check.range("merges", merges, 0, 1_000_000);
    }
  }

  public CorpusConfig {
    Check.that(
        sha256.isEmpty() || sha256.matches("[0-9a-f]{64}"),
        "sha256",
        "must be 64 hexadecimal digits in lower case, or empty");
    Check.that(
        validationFraction > 0 && validationFraction < 1,
        "validationFraction",
        validationFraction + " is not between 0 and 1");
    Check.range("ngramMinCount", ngramMinCount, 1, Integer.MAX_VALUE);
  }

  /** The same text kind at another place. */
  public CorpusConfig at(String otherPath, String otherSha256) {
    return new CorpusConfig(
        otherPath, otherSha256, validationFraction, tokenizer, bpe, ngramMinCount);
  }
}
