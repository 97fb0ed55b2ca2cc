package io.avatarl.config;

import java.io.Serializable;

/**
 * @param path any Hadoop path to a UTF-8 text, or what else {@code spark.corpus.CorpusLoader}
 *     reads; empty: looked for as {@code corpus.CorpusSource} says
 * @param sha256 expected checksum in hexadecimal: of a single text its own, of others that of their
 *     tokens; empty: not checked
 * @param format what the files are
 * @param column has the texts, where the corpus has columns
 * @param table a table of Spark's catalog, instead of a path; empty: none
 * @param orderBy columns that rows are sorted by, with commas between them; empty: by a hash
 * @param separator follows each document where there are several
 * @param validationFraction the part of the corpus that is held out
 * @param tokenizer what a token is
 * @param bpe settings of the byte-level BPE tokenizer
 * @param ngramMinCount n-grams of two and more tokens that occur less often are left out of n-gram
 *     tables; 1 keeps all
 * @param ngramSample bytes of the training split that n-gram tables count at most
 * @param memory bytes of text that are held in memory; longer corpora are tokenized into a folder
 * @param tokens that folder; empty: next to the run
 * @param cache bytes of local disk for tokens of other file systems
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

  /** What files are; AUTO: their names and first bytes tell. */
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
   * @param merges pair merges learnt from the training split; the vocabulary has 256 tokens more
   * @param sample bytes of the training split that they are learnt from at most
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

  /** The same text kind at another place. */
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
