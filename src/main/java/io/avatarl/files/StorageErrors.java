package io.avatarl.files;

import io.avatarl.config.UserError;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.VersionInfo;

/**
 * Translates errors of Hadoop's file systems into one line for the user: what could not be done,
 * why, and how to fix it.
 */
final class StorageErrors {
  // "s3a://key:secret@bucket/x"
  private static final Pattern SECRET = Pattern.compile("([A-Za-z0-9+.-]+://)[^/]*:[^/]*@(.*)");

  /** What S3 and its token service say about expired temporary credentials. */
  private static final String EXPIRED = "ExpiredToken";

  /** The same of a HEAD request, whose answer has no body to say so. */
  private static final String BAD_REQUEST = "Bad Request (Service: S3, Status Code: 400";

  private final String verb;
  private final String path;
  private final String cannot;

  /**
   * @param verb what was tried: {@code read}, {@code write}
   */
  StorageErrors(String verb, String path) {
    this.verb = verb;
    this.path = path;
    this.cannot = "Cannot " + verb + " " + path + ": ";
  }

  /**
   * @throws UserError if the path holds a password, which the message does not repeat
   */
  void refuseCredentials() {
    Matcher secret = SECRET.matcher(path);
    if (secret.matches()) {
      throw new UserError(
          "Cannot "
              + verb
              + " "
              + secret.replaceFirst("$1***@$2")
              + ": a path must not hold credentials, because it appears in logs and files; give"
              + " them as $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY or as spark.hadoop.fs.s3a.*"
              + " settings");
    }
  }

  /** The JVM would write question marks for characters that it cannot encode. */
  UserError notInTheLocale(Charset names) {
    return new UserError(
        cannot
            + "the locale's character set ("
            + names
            + ") lacks some of its characters; set LC_ALL=C.UTF-8 in the environment");
  }

  /** The path is malformed, or no file system handles its scheme. */
  UserError noFileSystem(Exception e) {
    String fix = "; check the path and that its file system is on the class path";
    if (path.startsWith("s3a:") && hasCause(e, ClassNotFoundException.class)) {
      fix = "; add " + s3Packages();
    } else if (path.matches("abfss?:.*")) {
      fix = "; add --packages org.apache.hadoop:hadoop-azure:" + VersionInfo.getVersion();
    } else if (path.startsWith("gs:")) {
      fix = "; add Google's connector for Hadoop (gcs-connector) by --jars";
    }
    return new UserError(cannot + line(e) + fix, e);
  }

  /**
   * What to throw for an error: {@link UserError} if the path is at fault, {@link
   * UncheckedIOException} if the file system is.
   */
  RuntimeException of(IOException e, boolean objectStore) {
    if (e instanceof ParentNotDirectoryException
        || e instanceof FileAlreadyExistsException
        || e instanceof org.apache.hadoop.fs.FileAlreadyExistsException) {
      return new UserError(
          cannot + "a file stands where a directory should be; name another place", e);
    }
    if (String.valueOf(e).contains(EXPIRED)) {
      return expired("the credentials have expired", e);
    }
    if (String.valueOf(e).contains(BAD_REQUEST)) {
      return expired("the store refuses without a reason, as with expired credentials", e);
    }
    if (e instanceof AccessControlException || e instanceof AccessDeniedException) {
      return objectStore ? credentialsRefused(e) : denied(e);
    }
    if (e instanceof FileNotFoundException) {
      // java.io reports a refused open as FileNotFoundException; only the message differs.
      return String.valueOf(e.getMessage()).contains("(Permission denied)")
          ? denied(e)
          : new UserError(cannot + "no such file or directory; check the path", e);
    }
    // Hadoop's S3 client is not a dependency, so its exception is matched by name.
    if (e.getClass().getSimpleName().equals("UnknownStoreException")) {
      return new UserError(cannot + "no such bucket; check its name or create it", e);
    }
    return new UncheckedIOException(cannot + line(e), e);
  }

  private UserError credentialsRefused(IOException e) {
    return new UserError(
        cannot
            + "the store refuses the credentials, or has none ("
            + line(e).replaceFirst(".*?: ", "")
            + "); check $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY or the spark.hadoop.fs.s3a.*"
            + " settings, and what they may do",
        e);
  }

  private UserError expired(String what, IOException e) {
    return new UserError(
        cannot
            + what
            + "; renew them, then continue with --resume. Those of a"
            + " role (fs.s3a.aws.credentials.provider) renew themselves",
        e);
  }

  private UserError denied(IOException e) {
    return new UserError(cannot + "permission denied; name another place or change its rights", e);
  }

  /** The packages that a Spark without {@code s3a://} needs; versions as in the pom. */
  private static String s3Packages() {
    String hadoop = "--packages org.apache.hadoop:hadoop-aws:" + VersionInfo.getVersion();
    return VersionInfo.getVersion().startsWith("3.3.")
        ? hadoop
        : hadoop
            + ",software.amazon.awssdk:s3-transfer-manager:2.29.52,software.amazon.awssdk:sts:2.29.52"
            + " --exclude-packages software.amazon.awssdk:bundle";
  }

  private static boolean hasCause(Throwable e, Class<?> type) {
    for (Throwable t = e; t != null; t = t.getCause()) {
      if (type.isInstance(t)) {
        return true;
      }
    }
    return false;
  }

  private static String line(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse(e.getClass().getSimpleName());
  }
}
