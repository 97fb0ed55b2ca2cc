package io.avatarl.files;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 in hexadecimal. */
public final class Sha256 {
  private Sha256() {}

  /** 64 lower-case hexadecimal digits of one or more blocks, taken as if they were one. */
  public static String of(byte[]... blocks) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (byte[] block : blocks) {
        digest.update(block);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }
}
