package io.avatarl.config;

import java.io.Serializable;

/**
 * @param path any Hadoop path to a UTF-8 text or another format that {@code
 *     spark.corpus.CorpusLoader} reads; empty: {@code corpus.CorpusSource} finds one
 * @param sha256 expected SHA-256 in hexadecimal, of a single text or else of the token manifest;
 *     empty: not checked
 * @param format of the files
 * @param column the column that holds the texts, if the corpus has columns
 * @param table a table of Spark's catalog, instead of a path; empty: none
 * @param orderBy comma-separated columns to sort rows by; empty: a hash of the text
 * @param separator text after each document, if there are several
 * @param validationFraction fraction of the corpus held out
 * @param tokenizer what a token is
 * @param bpe settings of the byte-level BPE tokenizer
 * @param ngramMinCount n-grams of two and more tokens that occur less often are left out of n-gram
 *     tables; 1 keeps all
 * @param ngramSample most bytes of the training split that n-gram tables count
 * @param memory longest text, in bytes, that is held in memory; a longer one is tokenized into a
 *     folder
 * @param tokens that folder; empty: next to the run
 * @param cache bytes of local disk that cache tokens of remote file systems
 */
public record CorpusConfig(
    String path,
    String sha256,
    Format format,
    String column,
    String table,
    String orderBy,
    String separator,
    double validationFraction,
    TokenizerKind tokenizer,
    BpeConfig bpe,
    int ngramMinCount,
    ByteSize ngramSample,
    ByteSize memory,
    String tokens,
    ByteSize cache)
    implements Serializable {
  private static final long LONGEST_ARRAY = 1L << 30;

  /** What a token is: one Unicode code point, or a run of bytes that pair merges made. */
  public enum TokenizerKind {
    CHARACTER,
    BPE
  }

  /** Format of the files. AUTO: told by their names and first bytes. */
  public enum Format {
    AUTO,
    TEXT,
    JSONL,
    CSV,
    PARQUET,
    ORC,
    DELTA
  }

  /**
   * @param merges pair merges learned from the training split; the vocabulary has 256 tokens more
   * @param sample most bytes of the training split that they are learned from
   */
  public record BpeConfig(int merges, ByteSize sample) implements Serializable {
    public BpeConfig {
      Check.range("merges", merges, 0, 1_000_000);
      Check.range("sample", sample.bytes(), 1, LONGEST_ARRAY);
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
    Check.range("ngramSample", ngramSample.bytes(), 1, LONGEST_ARRAY);
    Check.range("memory", memory.bytes(), 0, LONGEST_ARRAY);
  }

  /** The same settings for a corpus at another path. */
  public CorpusConfig at(String otherPath, String otherSha256) {
    return new CorpusConfig(
        otherPath,
        otherSha256,
        format,
        column,
        table,
        orderBy,
        separator,
        validationFraction,
        tokenizer,
        bpe,
        ngramMinCount,
        ngramSample,
        memory,
        tokens,
        cache);
  }
}
