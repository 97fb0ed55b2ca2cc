package io.avatarl.corpus;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Which documents are held out. Up to {@value #FEW} documents are joined and cut by position like a
 * single file: the last part is for validation. Of more, a hash of each document's text decides. So
 * a document and its copies stay in the same split, whatever else is in the corpus.
 *
 * @param byDocument whether the hash decides
 * @param fraction that is held out, in (0, 1)
 * @param trainCharacters characters before the cut, without {@code byDocument}
 */
public record DocumentSplit(boolean byDocument, double fraction, long trainCharacters)
    implements Serializable {
  /** With fewer documents, the share that a hash holds out would vary too much. */
  public static final int FEW = 100;

  /** Bytes at the beginning of a document that its hash covers. */
  public static final int HEAD = 1 << 16;

  /** The rule for a corpus. */
  public static DocumentSplit of(long documents, long characters, double fraction) {
    return new DocumentSplit(
        documents > FEW, fraction, Corpus.trainCharacters(characters, fraction));
  }

  /** The rule's name in the manifest. */
  public String rule() {
    return byDocument ? "document" : "position";
  }

  /**
   * Whether a document is for validation: whether the first 64 bits of the SHA-256 of its
   * beginning, as a fraction of 2^64, are below {@code fraction}.
   *
   * @param head the first {@value #HEAD} bytes of its UTF-8, or all if there are fewer
   */
  public boolean isHeldOut(byte[] head) {
    try {
      long bits = ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(head)).getLong();
      return (bits >>> 11) * 0x1p-53 < fraction;
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }
}
