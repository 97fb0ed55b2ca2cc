package io.avatarl.spark.corpus;

import com.github.luben.zstd.ZstdInputStream;
import io.avatarl.config.UserError;
import io.avatarl.corpus.DocumentSplit;
import io.avatarl.corpus.TextChunks;
import io.avatarl.files.Storage;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Iterator;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.io.compress.BZip2Codec;

/** Reads text files, packed or not: each is a document. */
final class TextReader implements DocumentReader {
  private static final int BUFFER = 1 << 16;

  private final Storage storage;
  private final TextChunks.Boundary boundary;
  private final Iterator<TextPiece.Range> ranges;

  private TextPiece.Range range;
  private InputStream in;
  private TextChunks chunks;
  private boolean first;
  private byte[] head;
  private long checksum;

  TextReader(Storage storage, TextPiece piece, TextChunks.Boundary boundary) {
    this.storage = storage;
    this.boundary = boundary;
    this.ranges = piece.ranges().iterator();
  }

  @Override
  public Chunk next() throws IOException {
    while (true) {
      if (chunks == null) {
        if (!ranges.hasNext()) {
          return null;
        }
        open(ranges.next());
      }
      try {
        String text = chunks.next();
        if (!text.isEmpty()) {
          boolean begins = first && range.begins();
          first = false;
          return Chunk.of(text, begins, chunks.ended());
        }
      } catch (IOException e) {
        throw mistake(e);
      }
      shut();
    }
  }

  private void open(TextPiece.Range next) throws IOException {
    range = next;
    head = null;
    first = true;
    try {
      in = unpacked(storage.open(next.path(), next.from()), next.packing());
      chunks = new TextChunks(in, boundary, next.from(), next.to());
    } catch (IOException e) {
      throw mistake(e);
    }
  }

  private static InputStream unpacked(InputStream in, CorpusFormat.Packing packing)
      throws IOException {
    return switch (packing) {
      case NONE -> in;
      case GZIP -> new GZIPInputStream(new BufferedInputStream(in, BUFFER), BUFFER);
      case BZIP2 -> {
        BZip2Codec codec = new BZip2Codec();
        Configuration plain = new Configuration(false);
        plain.set("io.compression.codec.bzip2.library", "java-builtin");
        codec.setConf(plain);
        yield codec.createInputStream(new BufferedInputStream(in, BUFFER));
      }
      // Spark includes this library for its shuffles; Hadoop's own codec needs a native library.
      case ZSTD -> new ZstdInputStream(new BufferedInputStream(in, BUFFER));
    };
  }

  private IOException mistake(IOException e) {
    String corpus = "Corpus " + range.path();
    if (e instanceof TextChunks.NoText bad) {
      return new NoCorpus(
          corpus
              + " is not a UTF-8 text: "
              + bad.getMessage()
              + (bad.isNul() || bad.at() == 0
                  ? "; convert a text in UTF-16 with: iconv -f UTF-16 -t UTF-8 IN > OUT"
                  : "; convert it with: iconv -f ENCODING -t UTF-8 IN > OUT"));
    }
    boolean cut =
        e instanceof EOFException
            || String.valueOf(e.getMessage())
                .matches("(?i).*(truncated|unexpected end|crc error).*");
    if (range.packing() != CorpusFormat.Packing.NONE
        && (cut || e instanceof ZipException || e.getClass().getName().contains("Zstd"))) {
      return new NoCorpus(
          corpus + " is cut short or damaged (" + e.getMessage() + "); fetch it again");
    }
    return e;
  }

  /** A user's mistake found while reading. */
  static final class NoCorpus extends IOException {
    NoCorpus(String message) {
      super(message, new UserError(message));
    }
  }

  @Override
  public byte[] head() throws IOException {
    if (head == null) {
      try (InputStream again = unpacked(storage.open(range.path(), 0), range.packing())) {
        head = again.readNBytes(DocumentSplit.HEAD);
      } catch (IOException e) {
        throw mistake(e);
      }
    }
    return head;
  }

  @Override
  public long checksum() {
    return checksum * 31 + (chunks == null ? 0 : chunks.checksum());
  }

  private void shut() throws IOException {
    checksum = checksum();
    chunks = null;
    in.close();
  }

  @Override
  public void close() throws IOException {
    if (in != null) {
      in.close();
    }
  }
}
