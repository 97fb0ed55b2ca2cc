package io.avatarl.files;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.Charset;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.Path;

/** Translates paths as users write them into Hadoop's form. */
public final class HadoopPath {
  // "a:b.txt" is a local file name; a scheme is followed by a slash ("dbfs:/x", "s3a://x").
  static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:/.*");

  private HadoopPath() {}

  /**
   * The path as Hadoop and Spark write it. Escapes ({@code %20}) in a {@code file:} URI are
   * decoded.
   */
  public static String of(String path) {
    return parse(path).toString();
  }

  /** The folder that a path is in; empty if the path names none. */
  public static String parent(String path) {
    Path parent = parse(path).getParent();
    return parent == null ? "" : parent.toString();
  }

  static Path parse(String path) {
    if (!SCHEME.matcher(path).matches()) {
      return new Path(null, null, path);
    }
    if (path.startsWith("file:") && path.indexOf('%') >= 0) {
      try {
        return new Path(new URI(path));
      } catch (URISyntaxException e) {
        // A path with a scheme, in which a percent sign is literal.
      }
    }
    return new Path(path);
  }

  /** Whether names of local files may hold any character; false in the locale C. */
  public static boolean namesAreUnicode() {
    return NAMES.newEncoder().canEncode('\u20ac');
  }

  /** The character set of the names of local files. */
  static final Charset NAMES = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
}
