package io.avatarl.corpus;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Which documents are held out. Up to {@value #FEW} documents are one text, cut by position as a
 * single file is: its last part is for validation. More are divided one by one, by a hash of their
 * text, so that a document stays where it is whatever else is in the corpus, and its copies stay
 * with it.
 *
 * @param byDocument the second rule
 * @param fraction held out, in (0, 1)
 * @param trainCharacters by the first rule, the characters before the cut
 */
public record DocumentSplit(boolean byDocument, double fraction, long trainCharacters)
    implements Serializable {
  /** With fewer the share that a hash holds out would be anything. */
  public static final int FEW = 100;

  /** Bytes at the beginning of a document that its hash is made of. */
  public static final int HEAD = 1 << 16;

  /** The rule for a corpus. */
  public static DocumentSplit of(long documents, long characters, double fraction) {
    return new DocumentSplit(
        documents > FEW, fraction, Corpus.trainCharacters(characters, fraction));
  }

  /** The manifest's word for it. */
  public String rule() {
    return byDocument ? "document" : "position";
  }

  /**
   * Whether a document is for validation, by the second rule: the first 64 bits of the SHA-256 of
   * its beginning, as a fraction of 2^64.
   *
   * @param head the first {@value #HEAD} bytes of its UTF-8, or all
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
