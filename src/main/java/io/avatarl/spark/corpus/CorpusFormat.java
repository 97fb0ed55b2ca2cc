package io.avatarl.spark.corpus;

import io.avatarl.config.UserError;
import java.util.Arrays;
import java.util.Locale;

/** The format of a corpus's files. */
enum CorpusFormat {
  TEXT,
  JSONL("json"),
  CSV("csv"),
  PARQUET("parquet"),
  ORC("orc"),
  DELTA("delta");

  private final String spark;

  CorpusFormat() {
    this("");
  }

  CorpusFormat(String spark) {
    this.spark = spark;
  }

  /** Spark's name of the format; empty for texts, which are not read with Spark. */
  String spark() {
    return spark;
  }

  String spelling() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** How a file is packed. */
  enum Packing {
    NONE(""),
    GZIP(".gz"),
    BZIP2(".bz2"),
    ZSTD(".zst");

    private final String suffix;

    Packing(String suffix) {
      this.suffix = suffix;
    }

    static Packing of(String name) {
      String lower = name.toLowerCase(Locale.ROOT);
      return Arrays.stream(values())
          .filter(packing -> packing != NONE && lower.endsWith(packing.suffix))
          .findFirst()
          .orElse(NONE);
    }
  }

  /**
   * The format by a file's name, without the packing's ending; text if the name has no known
   * ending.
   */
  static CorpusFormat ofName(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    lower = lower.substring(0, lower.length() - Packing.of(lower).suffix.length());
    String suffix = lower.substring(lower.lastIndexOf('.') + 1);
    return switch (suffix) {
      case "jsonl", "ndjson", "json" -> JSONL;
      case "csv" -> CSV;
      case "parquet" -> PARQUET;
      case "orc" -> ORC;
      default -> TEXT;
    };
  }

  /**
   * The format by a file's first bytes, if its name says text.
   *
   * @param path for the message
   * @throws UserError if it is packed without the ending for that, or is UTF-16
   */
  static CorpusFormat ofContent(String path, byte[] head, CorpusFormat byName) {
    if (begins(head, 'P', 'A', 'R', '1')) {
      return PARQUET;
    }
    if (begins(head, 'O', 'R', 'C')) {
      return ORC;
    }
    if (Packing.of(path) == Packing.NONE) {
      if (begins(head, 0x1f, 0x8b)) {
        throw packed(path, Packing.GZIP);
      }
      if (begins(head, 'B', 'Z', 'h')) {
        throw packed(path, Packing.BZIP2);
      }
      if (begins(head, 0x28, 0xb5, 0x2f, 0xfd)) {
        throw packed(path, Packing.ZSTD);
      }
    }
    return byName;
  }

  private static UserError packed(String path, Packing packing) {
    return new UserError(
        "Corpus "
            + path
            + " is packed, but its name does not say so; rename it to *"
            + packing.suffix);
  }

  private static boolean begins(byte[] head, int... magic) {
    for (int i = 0; i < magic.length; i++) {
      if (head.length <= i || (head[i] & 0xff) != magic[i]) {
        return false;
      }
    }
    return true;
  }
}
