package io.avatarl.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.UserError;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.AbstractFileSystem;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.Progressable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class StorageTest {
  @TempDir Path directory;

  private final Storage storage = new Storage(new Configuration());

  private String at(String name) {
    return directory.resolve(name).toString();
  }

  @Test
  void escapesOfAFileUriAreCharacters() throws IOException {
    Path odd = Files.createDirectories(directory.resolve("a b%41ü"));
    storage.writeString(odd.resolve("x").toUri().toString(), "text");
    assertEquals("text", Files.readString(odd.resolve("x")));
    assertEquals(
        "text", storage.readString("file:" + directory + "/a b%2541ü/x".replace("%25", "%")));
    assertEquals("text", storage.readString(odd.resolve("x").toString()));
    assertEquals("file:/a b/c%41", HadoopPath.of("file:///a%20b/c%2541"));
    assertEquals("a%20b", HadoopPath.of("a%20b"));
    assertEquals("s3a://bucket/a%20b", HadoopPath.of("s3a://bucket/a%20b"));
  }

  @Test
  void whatIsWrittenIsReadBackAndLeavesNothingBeside() throws IOException {
    byte[] bytes = {0, 1, -1};
    storage.writeBytes(at("a/b/c.bin"), bytes);
    assertArrayEquals(bytes, storage.readBytes(at("a/b/c.bin")));
    assertArrayEquals(bytes, storage.readBytes(directory.resolve("a/b/c.bin").toUri().toString()));
    try (Stream<Path> files = Files.list(directory.resolve("a/b"))) {
      assertEquals(
          List.of("c.bin"), files.map(Path::getFileName).map(String::valueOf).sorted().toList());
    }
  }

  @Test
  void aSecondWriteReplacesTheFirst() {
    storage.writeString(at("x"), "old and long");
    storage.writeString(at("x"), "né");
    assertEquals("né", storage.readString(at("x")));
    assertEquals(List.of("x"), storage.list(directory.toString()));
  }

  @Test
  void aFileSystemThatWillNotRenameOntoAFileIsWrittenToo() {
    Storage strict = new Storage(scheme("strict", NoReplaceFileSystem.class));
    strict.writeString("strict:" + at("x"), "old");
    strict.writeString("strict:" + at("x"), "new");
    assertEquals("new", storage.readString(at("x")));
    assertEquals(List.of("x"), storage.list(directory.toString()));
  }

  @Test
  void aFileIsReplacedByOneRenameWhereTheFileSystemHasOneAsHdfsDoes() {
    Configuration configuration = scheme("hdfslike", RecordingFileSystem.class);
    configuration.setClass(
        "fs.AbstractFileSystem.hdfslike.impl",
        OverwritingFileSystem.class,
        AbstractFileSystem.class);
    Storage hdfs = new Storage(configuration);
    hdfs.writeString("hdfslike:" + at("x"), "old");
    RecordingFileSystem.CALLS.clear();
    hdfs.writeString("hdfslike:" + at("x"), "new");
    assertEquals("new", storage.readString(at("x")));
    assertEquals(List.of("x"), storage.list(directory.toString()));
    // The old file was never deleted: a reader found it, or the new one.
    assertEquals(
        List.of("rename refused", "rename OVERWRITE to x", "delete .tmp"),
        RecordingFileSystem.CALLS);
  }

  @Test
  void aColonInALocalNameIsNotAScheme() {
    storage.writeString(at("run:1/x:y"), "text");
    assertEquals("text", storage.readString(at("run:1/x:y")));
    assertFalse(storage.exists("no:such"));
  }

  @Test
  void listIsSortedAndExistsSeesFilesAndDirectories() {
    storage.writeString(at("b"), "");
    storage.writeString(at("a"), "");
    storage.createDirectories(at("c"));
    assertEquals(List.of("a", "b", "c"), storage.list(directory.toString()));
    assertTrue(storage.exists(at("a")));
    assertTrue(storage.exists(at("c")));
    assertFalse(storage.exists(at("d")));
  }

  @Test
  void aWritableDirectoryIsMadeAndLeftEmpty() {
    storage.requireWritableDirectory(at("run/one"));
    assertEquals(List.of(), storage.list(at("run/one")));
  }

  @Test
  void missingFile() {
    assertSays(
        "Cannot read " + at("none") + ": no such file or directory; check the path",
        () -> storage.readBytes(at("none")));
    assertSays(
        "Cannot list " + at("none") + ": no such file or directory; check the path",
        () -> storage.list(at("none")));
  }

  @Test
  void directoryForAFileAndFileForADirectory() {
    storage.createDirectories(at("dir"));
    storage.writeString(at("file"), "kept");
    assertSays(
        "Cannot read " + at("dir") + ": it is a directory; name a file",
        () -> storage.readBytes(at("dir")));
    assertSays(
        "Cannot write " + at("dir") + ": it is a directory; name a file",
        () -> storage.writeString(at("dir"), "x"));
    assertSays(
        "Cannot list " + at("file") + ": it is a file; name a directory",
        () -> storage.list(at("file")));
    String under = "a file stands where a directory should be; name another place";
    assertSays(
        "Cannot write " + at("file/x") + ": " + under,
        () -> storage.writeString(at("file/x"), "x"));
    assertSays(
        "Cannot create " + at("file") + ": " + under, () -> storage.createDirectories(at("file")));
    assertSays(
        "Cannot write into " + at("file/run") + ": " + under,
        () -> storage.requireWritableDirectory(at("file/run")));
    assertEquals("kept", storage.readString(at("file")));
    assertEquals(List.of("dir", "file"), storage.list(directory.toString()));
  }

  @Test
  void permissionDenied() {
    Storage denied = new Storage(scheme("denied", DeniedFileSystem.class));
    storage.writeString(at("x"), "kept");
    String path = "denied:" + at("x");
    String fix = ": permission denied; name another place or change its rights";
    assertSays("Cannot read " + path + fix, () -> denied.readBytes(path));
    assertSays("Cannot write " + path + fix, () -> denied.writeString(path, "new"));
    assertSays(
        "Cannot write into denied:" + directory + fix,
        () -> denied.requireWritableDirectory("denied:" + directory));
    assertEquals("kept", storage.readString(at("x")));
    assertEquals(List.of("x"), storage.list(directory.toString()));
  }

  @Test
  void unknownFileSystemAndEmptyPath() {
    assertSays(
        "Cannot read nowhere://x/y: No FileSystem for scheme \"nowhere\"; check the path and that"
            + " its file system is on the class path",
        () -> storage.readBytes("nowhere://x/y"));
    UserError empty = assertThrows(UserError.class, () -> storage.readBytes(""));
    assertThat(empty.getMessage()).startsWith("Cannot read : ");
  }

  @Test
  void resolve() {
    assertEquals("a/b", Storage.resolve("a", "b"));
    assertEquals("s3a://bucket/run/b", Storage.resolve("s3a://bucket/run/", "b"));
    assertEquals("/b", Storage.resolve("a", "/b"));
    assertEquals("s3a://bucket/b", Storage.resolve("a", "s3a://bucket/b"));
    assertEquals("b", Storage.resolve("", "b"));
  }

  private static void assertSays(String message, Executable action) {
    assertEquals(message, assertThrows(UserError.class, action).getMessage());
  }

  private static Configuration scheme(String name, Class<? extends FileSystem> type) {
    Configuration configuration = new Configuration();
    configuration.setClass("fs." + name + ".impl", type, FileSystem.class);
    return configuration;
  }

  /** The local file system under another scheme. */
  private abstract static class Relocated extends RawLocalFileSystem {
    @Override
    protected void checkPath(org.apache.hadoop.fs.Path path) {
      // Paths carry the test's scheme, which RawLocalFileSystem would refuse.
    }
  }

  /** Renames as HDFS does: never onto an existing file. */
  static final class NoReplaceFileSystem extends Relocated {
    @Override
    public boolean rename(org.apache.hadoop.fs.Path from, org.apache.hadoop.fs.Path to)
        throws IOException {
      return !exists(to) && super.rename(from, to);
    }
  }

  /** The same, and says what was asked of it. */
  static final class RecordingFileSystem extends Relocated {
    static final List<String> CALLS = new ArrayList<>();

    @Override
    public boolean rename(org.apache.hadoop.fs.Path from, org.apache.hadoop.fs.Path to)
        throws IOException {
      boolean renamed = !exists(to) && super.rename(from, to);
      CALLS.add(renamed ? "rename" : "rename refused");
      return renamed;
    }

    @Override
    public boolean delete(org.apache.hadoop.fs.Path path, boolean recursive) throws IOException {
      CALLS.add("delete " + path.getName().replaceAll(".*(?=\\.tmp)", ""));
      return super.delete(path, recursive);
    }
  }

  /** What {@link org.apache.hadoop.fs.FileContext} reaches it by. */
  static final class OverwritingFileSystem extends DelegateToFileSystem {
    /** Called by Hadoop. */
    public OverwritingFileSystem(URI uri, Configuration configuration)
        throws IOException, URISyntaxException {
      super(uri, new RecordingFileSystem(), configuration, uri.getScheme(), false);
    }

    @Override
    public void renameInternal(
        org.apache.hadoop.fs.Path from, org.apache.hadoop.fs.Path to, boolean overwrite)
        throws IOException {
      assertTrue(overwrite);
      RecordingFileSystem.CALLS.add("rename OVERWRITE to " + to.getName());
      Files.move(
          Path.of(from.toUri().getPath()),
          Path.of(to.toUri().getPath()),
          StandardCopyOption.ATOMIC_MOVE);
    }
  }

  /** Lets nobody read or write, whoever runs the test. */
  static final class DeniedFileSystem extends Relocated {
    @Override
    public FSDataInputStream open(org.apache.hadoop.fs.Path path, int buffer) throws IOException {
      throw new AccessControlException("read");
    }

    @Override
    public FSDataOutputStream create(
        org.apache.hadoop.fs.Path path,
        boolean overwrite,
        int buffer,
        short replication,
        long block,
        Progressable progress)
        throws IOException {
      throw new AccessControlException("write");
    }

    @Override
    public boolean mkdirs(org.apache.hadoop.fs.Path path) throws IOException {
      FileStatus status = getFileStatus(path);
      return status.isDirectory();
    }
  }
}
