package io.avatarl.files;

import io.avatarl.config.UserError;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumFileSystem;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.functional.FutureIO;

/**
 * Reads and writes files at paths that the user named.
 *
 * <p>A path is a Hadoop path. Without a scheme it belongs to the configuration's default file
 * system ({@code fs.defaultFS}), which is the local one unless a cluster says otherwise. Local
 * files get no {@code .crc} next to them.
 *
 * <p>Every method throws {@link UserError} if the path is at fault (missing, a directory, a file
 * among its parents, no permission, no such file system) and {@link java.io.UncheckedIOException}
 * if the file system is.
 */
public final class Storage {
  /** Stores in which an object appears only once it is complete, and a rename is a copy. */
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
   * A file from byte {@code from} on; the caller closes the stream.
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

  /**
   * A range of a file's bytes, in one request if the file system is remote.
   *
   * @param length of the file in bytes
   * @param from in [0, length − count]
   */
  public byte[] readRange(String path, long length, long from, int count) {
    return at(
        "read",
        path,
        (files, file) -> {
          byte[] bytes = new byte[count];
          try (FSDataInputStream in =
              FutureIO.awaitFuture(
                  files
                      .openFile(file)
                      .opt("fs.option.openfile.length", Long.toString(length))
                      .opt("fs.option.openfile.read.policy", "random")
                      .build())) {
            in.readFully(from, bytes);
          } catch (EOFException e) {
            throw new UserError(
                "Cannot read " + path + ": it is shorter than " + (from + count) + " bytes", e);
          }
          return bytes;
        });
  }

  /** Whether a path is on this machine's disks, where reads are cheap. */
  public boolean isLocal(String path) {
    return at("name", path, (files, file) -> files.getUri().getScheme().equals("file"));
  }

  /** Lengths in bytes of a directory's files by name, not recursive. */
  public SortedMap<String, Long> lengths(String path) {
    return at(
        "list",
        path,
        (files, directory) -> {
          SortedMap<String, Long> lengths = new TreeMap<>();
          for (FileStatus status : files.listStatus(directory)) {
            if (status.isFile()) {
              lengths.put(status.getPath().getName(), status.getLen());
            }
          }
          return lengths;
        });
  }

  /** What another JVM needs to reach the same file systems. */
  public StorageSettings settings() {
    return StorageSettings.of(configuration);
  }

  /** The whole file, decoded as UTF-8. */
  public String readString(String path) {
    return new String(readBytes(path), StandardCharsets.UTF_8);
  }

  /** The absolute path, valid in any working directory. */
  public String qualified(String path) {
    return at(
        "name",
        path,
        (files, file) -> {
          Path whole = files.makeQualified(file);
          boolean isDefault = FileSystem.getDefaultUri(configuration).equals(files.getUri());
          if (isDefault) {
            return whole.toUri().getPath();
          }
          return "file".equals(files.getUri().getScheme())
              ? whole.toUri().toString()
              : whole.toString();
        });
  }

  /**
   * When a file was written, in milliseconds since 1970 by its file system's clock; empty if there
   * is no file.
   */
  public Optional<Long> modified(String path) {
    return at(
        "look at",
        path,
        (files, file) -> {
          try {
            return Optional.of(files.getFileStatus(file).getModificationTime());
          } catch (FileNotFoundException e) {
            return Optional.empty();
          }
        });
  }

  /** Whether a file or directory exists. */
  public boolean exists(String path) {
    return at("look at", path, FileSystem::exists);
  }

  /** Whether a directory exists. */
  public boolean isDirectory(String path) {
    return at("look at", path, Storage::isDirectory);
  }

  /**
   * Writes the whole file, with its parent directories, replacing an old one. A reader sees the old
   * file or the new one, never a part and never none: the bytes go to a temporary sibling, which a
   * rename puts in the file's place. An object store replaces the object itself once all of it has
   * arrived. Only a Hadoop file system that neither renames onto a file nor has an {@code
   * AbstractFileSystem} deletes the old file first.
   */
  public void writeBytes(String path, byte[] bytes) {
    write(path, Content.of(bytes));
  }

  /** The same for bytes that are not in memory as a whole. */
  public void write(String path, Content content) {
    at(
        "write",
        path,
        (files, file) -> {
          if (isDirectory(files, file)) {
            throw new UserError("Cannot write " + path + ": it is a directory; name a file");
          }
          if (isObjectStore(files)) {
            try (OutputStream out = files.create(file, true)) {
              content.writeTo(out);
            }
            return true;
          }
          makeDirectories(files, file.getParent());
          Path sibling = new Path(file.getParent(), "." + UUID.randomUUID() + ".tmp");
          try {
            try (OutputStream out = files.create(sibling, false)) {
              content.writeTo(out);
            }
            replace(files, sibling, file);
          } finally {
            files.delete(sibling, false);
          }
          return true;
        });
  }

  /** POSIX renames replace the target. HDFS does so only with this option. */
  private void replace(FileSystem files, Path from, Path to) throws IOException {
    if (files.rename(from, to)) {
      return;
    }
    try {
      Path source = files.makeQualified(from);
      FileContext.getFileContext(source.toUri(), configuration)
          .rename(source, files.makeQualified(to), Options.Rename.OVERWRITE);
    } catch (UnsupportedFileSystemException e) {
      // A file system without such a rename: for a moment there is no file.
      if (!files.delete(to, false) || !files.rename(from, to)) {
        throw new IOException("cannot rename " + from + " to " + to);
      }
    }
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

  /** Creates the directory and its parents if they are missing. */
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
   * Creates the directory if it is missing and writes a probe file, so that a run without
   * permission fails before its first step and not at its first checkpoint.
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

  /** Deletes a file, or a directory with its contents; does nothing if there is none. */
  public void delete(String path) {
    at("delete", path, (files, target) -> files.delete(target, true));
  }

  /**
   * Renames a file or directory on the same file system. Whatever has the new name is deleted
   * first.
   */
  public void rename(String from, String to) {
    at(
        "rename",
        from,
        (files, source) -> {
          Path target = HadoopPath.parse(to);
          files.delete(target, true);
          if (!files.rename(source, target)) {
            throw new IOException("cannot rename " + from + " to " + to);
          }
          return true;
        });
  }

  /**
   * Whether a path lies in an object store. There, renaming a folder copies its files one by one,
   * so the folder's name does not prove that it is complete.
   */
  public boolean isObjectStore(String path) {
    return at("name", path, (files, file) -> isObjectStore(files));
  }

  private static boolean isObjectStore(FileSystem files) {
    return OBJECT_STORES.contains(files.getUri().getScheme());
  }

  /** {@code child} below {@code base}, or {@code child} itself if it is absolute. */
  public static String resolve(String base, String child) {
    if (base.isEmpty() || child.startsWith("/") || HadoopPath.SCHEME.matcher(child).matches()) {
      return child;
    }
    return base.endsWith("/") ? base + child : base + "/" + child;
  }

  interface Action<T> {
    T apply(FileSystem files, Path path) throws IOException;
  }

  /** Runs the action and translates its errors ({@link StorageErrors}). */
  <T> T at(String verb, String path, Action<T> action) {
    StorageErrors errors = new StorageErrors(verb, path);
    errors.refuseCredentials();
    Path parsed;
    FileSystem files;
    try {
      parsed = HadoopPath.parse(path);
      files = parsed.getFileSystem(configuration);
    } catch (IOException | RuntimeException e) {
      throw errors.noFileSystem(e);
    }
    if (files.getUri().getScheme().equals("file")
        && !HadoopPath.NAMES.newEncoder().canEncode(parsed.toString())) {
      throw errors.notInTheLocale(HadoopPath.NAMES);
    }
    if (files instanceof ChecksumFileSystem checked) {
      files = checked.getRawFileSystem();
    }
    try {
      return action.apply(files, parsed);
    } catch (IOException e) {
      throw errors.of(e, isObjectStore(files));
    }
  }

  private static void makeDirectories(FileSystem files, Path directory) throws IOException {
    if (!files.mkdirs(directory)) {
      // The local file system returns only "false"; a parent that is a file throws instead.
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
}
