package io.avatarl.files;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 in hexadecimal. */
public final class Sha256 {
  private Sha256() {}

  /** The checksum of one or more blocks, joined: 64 lower-case hexadecimal digits. */
  public static String of(byte[]... blocks) {
    MessageDigest digest = digest();
    for (byte[] block : blocks) {
      digest.update(block);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** The checksum of the rest of a stream. */
  public static String of(InputStream in) throws IOException {
    MessageDigest digest = digest();
    in.transferTo(new DigestOutputStream(OutputStream.nullOutputStream(), digest));
    return HexFormat.of().formatHex(digest.digest());
  }

  /** The checksum of what is written, without keeping it. */
  public static String of(Content content) throws IOException {
    return copying(content, OutputStream.nullOutputStream());
  }

  /** Writes to {@code out}; the checksum of what is written. */
  public static String copying(Content content, OutputStream out) throws IOException {
    DigestOutputStream both = new DigestOutputStream(out, digest());
    content.writeTo(both);
    return HexFormat.of().formatHex(both.getMessageDigest().digest());
  }

  private static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }
}
