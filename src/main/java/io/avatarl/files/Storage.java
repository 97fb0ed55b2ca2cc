package io.avatarl.files;

import io.avatarl.config.UserError;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumFileSystem;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.VersionInfo;

/**
 * Reads and writes whole files at paths the user named.
 *
 * <p>A path is a Hadoop path. Without a scheme it belongs to the configuration's default file
 * system ({@code fs.defaultFS}), which is the local one unless a cluster says otherwise. Local
 * files get no {@code .crc} beside them.
 *
 * <p>Every method throws {@link UserError} where the path is at fault (missing, a directory, a file
 * among its parents, no permission, no such file system) and {@link UncheckedIOException} where the
 * file system is.
 */
public final class Storage {
  // "a:b.txt" is a local file name; a scheme is followed by a slash ("dbfs:/x", "s3a://x").
  private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:/.*");

  // "s3a://key:secret@bucket/x"
  private static final Pattern SECRET = Pattern.compile("([A-Za-z0-9+.-]+://)[^/]*:[^/]*@(.*)");

  /** Where objects appear whole when their last byte is there, and renaming one copies it. */
  private static final Set<String> OBJECT_STORES = Set.of("s3a", "s3", "gs");

  private final Configuration configuration;

  /**
   * @param configuration names the default file system and holds credentials; on Spark it is the
   *     context's {@code hadoopConfiguration}
   */
  public Storage(Configuration configuration) {
    this.configuration = configuration;
  }

  /** The whole file. */
  public byte[] readBytes(String path) {
    return at(
        "read",
        path,
        (files, file) -> {
          requireFile(files, file, path);
          try (InputStream in = files.open(file)) {
            return in.readAllBytes();
          }
        });
  }

  /**
   * A file from one of its bytes on; the caller closes it.
   *
   * @param from in [0, length]
   */
  public InputStream open(String path, long from) {
    return at(
        "read",
        path,
        (files, file) -> {
          requireFile(files, file, path);
          FSDataInputStream in = files.open(file);
          in.seek(from);
          return in;
        });
  }

  /** Length of a file in bytes. */
  public long length(String path) {
    return at(
        "read",
        path,
        (files, file) -> {
          requireFile(files, file, path);
          return files.getFileStatus(file).getLen();
        });
  }

  /** The whole file, decoded as UTF-8. */
  public String readString(String path) {
    return new String(readBytes(path), StandardCharsets.UTF_8);
  }

  /** The path from its file system's root, so that it holds in any working directory. */
  public String qualified(String path) {
    return at(
        "name",
        path,
        (files, file) -> {
          Path whole = files.makeQualified(file);
          boolean isDefault = FileSystem.getDefaultUri(configuration).equals(files.getUri());
          return isDefault ? whole.toUri().getPath() : whole.toString();
        });
  }

  /** Whether a file or directory is there. */
  public boolean exists(String path) {
    return at("look at", path, FileSystem::exists);
  }

  /**
   * Writes the whole file, with its parent directories, replacing what was there. A reader sees the
   * old file or the new one, never half of one: the bytes go to a temporary sibling that is then
   * renamed into place; in an object store, where that would be a copy, the object is replaced at
   * once when all of it has arrived.
   */
  public void writeBytes(String path, byte[] bytes) {
    at(
        "write",
        path,
        (files, file) -> {
          if (isDirectory(files, file)) {
            throw new UserError("Cannot write " + path + ": it is a directory; name a file");
          }
          if (isObjectStore(files)) {
            try (OutputStream out = files.create(file, true)) {
              out.write(bytes);
            }
            return true;
          }
          makeDirectories(files, file.getParent());
          Path sibling = new Path(file.getParent(), "." + UUID.randomUUID() + ".tmp");
          try {
            try (OutputStream out = files.create(sibling, false)) {
              out.write(bytes);
            }
            // POSIX renames replace the target; HDFS refuses, so there the old file goes first.
            if (!files.rename(sibling, file)
                && !(files.delete(file, false) && files.rename(sibling, file))) {
              throw new IOException("cannot rename " + sibling + " to " + file);
            }
          } finally {
            files.delete(sibling, false);
          }
          return true;
        });
  }

  /** Writes the whole file as UTF-8, as {@link #writeBytes} does. */
  public void writeString(String path, String text) {
    writeBytes(path, text.getBytes(StandardCharsets.UTF_8));
  }

  /** The names (not paths) of a directory's entries, sorted. */
  public List<String> list(String path) {
    return at(
        "list",
        path,
        (files, directory) -> {
          if (!files.getFileStatus(directory).isDirectory()) {
            throw new UserError("Cannot list " + path + ": it is a file; name a directory");
          }
          return Arrays.stream(files.listStatus(directory))
              .map(FileStatus::getPath)
              .map(Path::getName)
              .sorted()
              .toList();
        });
  }

  /** Makes the directory and its parents where they are missing. */
  public void createDirectories(String path) {
    at(
        "create",
        path,
        (files, directory) -> {
          makeDirectories(files, directory);
          return true;
        });
  }

  /**
   * Makes the directory where it is missing and proves with a probe file that it can be written, so
   * that a run fails before its first step and not at its first checkpoint.
   */
  public void requireWritableDirectory(String path) {
    at(
        "write into",
        path,
        (files, directory) -> {
          makeDirectories(files, directory);
          Path probe = new Path(directory, "." + UUID.randomUUID() + ".tmp");
          files.create(probe, false).close();
          return files.delete(probe, false);
        });
  }

  /**
   * Removes a file, or a directory with all that is in it; nothing happens where neither is there.
   */
  public void delete(String path) {
    at("delete", path, (files, target) -> files.delete(target, true));
  }

  /**
   * Gives a file or directory another name on the same file system. What was there under the new
   * name goes first.
   */
  public void rename(String from, String to) {
    at(
        "rename",
        from,
        (files, source) -> {
          Path target = parse(to);
          files.delete(target, true);
          if (!files.rename(source, target)) {
            throw new IOException("cannot rename " + from + " to " + to);
          }
          return true;
        });
  }

  /**
   * Whether a path lies in an object store, where renaming a folder copies its files one by one: no
   * reader may take a folder there for whole because of its name.
   */
  public boolean isObjectStore(String path) {
    return at("name", path, (files, file) -> isObjectStore(files));
  }

  private static boolean isObjectStore(FileSystem files) {
    return OBJECT_STORES.contains(files.getUri().getScheme());
  }

  /** {@code child} below {@code base}, or {@code child} itself where it is absolute. */
  public static String resolve(String base, String child) {
    if (base.isEmpty() || child.startsWith("/") || SCHEME.matcher(child).matches()) {
      return child;
    }
    return base.endsWith("/") ? base + child : base + "/" + child;
  }

  private static Path parse(String path) {
    return SCHEME.matcher(path).matches() ? new Path(path) : new Path(null, null, path);
  }

  interface Action<T> {
    T apply(FileSystem files, Path path) throws IOException;
  }

  /** Runs the action and turns the errors that are the path's fault into one line. */
  <T> T at(String verb, String path, Action<T> action) {
    Matcher secret = SECRET.matcher(path);
    if (secret.matches()) {
      throw new UserError(
          "Cannot "
              + verb
              + " "
              + secret.replaceFirst("$1***@$2")
              + ": a path must not hold credentials, it is written down in many places; give them as"
              + " $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY or as spark.hadoop.fs.s3a.* settings");
    }
    String cannot = "Cannot " + verb + " " + path + ": ";
    Path parsed;
    FileSystem files;
    try {
      parsed = parse(path);
      files = parsed.getFileSystem(configuration);
    } catch (IOException | RuntimeException e) {
      String mend =
          path.startsWith("s3a:") && hasCause(e, ClassNotFoundException.class)
              ? "; add " + s3Packages()
              : "; check the path and that its file system is on the class path";
      throw new UserError(cannot + line(e) + mend, e);
    }
    if (files instanceof ChecksumFileSystem checked) {
      files = checked.getRawFileSystem();
    }
    try {
      return action.apply(files, parsed);
    } catch (ParentNotDirectoryException | FileAlreadyExistsException e) {
      throw notADirectory(cannot, e);
    } catch (org.apache.hadoop.fs.FileAlreadyExistsException e) {
      throw notADirectory(cannot, e);
    } catch (AccessControlException | java.nio.file.AccessDeniedException e) {
      throw isObjectStore(files) ? refused(cannot, e) : denied(cannot, e);
    } catch (FileNotFoundException e) {
      // java.io reports a refused open as a file not found, and tells them apart in words only.
      if (String.valueOf(e.getMessage()).contains("(Permission denied)")) {
        throw denied(cannot, e);
      }
      throw new UserError(cannot + "no such file or directory; check the path", e);
    } catch (IOException e) {
      // Hadoop's S3 client is no dependency: its exception is known by its name.
      if (e.getClass().getSimpleName().equals("UnknownStoreException")) {
        throw new UserError(cannot + "no such bucket; check its name or create it", e);
      }
      throw new UncheckedIOException(cannot + line(e), e);
    }
  }

  private static UserError refused(String cannot, IOException e) {
    return new UserError(
        cannot
            + "the store refuses the credentials, or has none ("
            + line(e).replaceFirst(".*?: ", "")
            + "); check $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY or the spark.hadoop.fs.s3a.*"
            + " settings, and what they may do",
        e);
  }

  /** What to add for {@code s3a://} where a Spark does not have it; versions as in the pom. */
  static String s3Packages() {
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

  private static UserError notADirectory(String cannot, IOException e) {
    return new UserError(
        cannot + "a file stands where a directory should be; name another place", e);
  }

  private static UserError denied(String cannot, IOException e) {
    return new UserError(cannot + "permission denied; name another place or change its rights", e);
  }

  private static void makeDirectories(FileSystem files, Path directory) throws IOException {
    if (!files.mkdirs(directory)) {
      // The local file system says no more than "false"; a parent that is a file throws instead.
      throw new AccessControlException("mkdirs " + directory);
    }
  }

  private static void requireFile(FileSystem files, Path file, String path) throws IOException {
    if (files.getFileStatus(file).isDirectory()) {
      throw new UserError("Cannot read " + path + ": it is a directory; name a file");
    }
  }

  private static boolean isDirectory(FileSystem files, Path file) throws IOException {
    return files.exists(file) && files.getFileStatus(file).isDirectory();
  }

  private static String line(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse(e.getClass().getSimpleName());
  }
}
