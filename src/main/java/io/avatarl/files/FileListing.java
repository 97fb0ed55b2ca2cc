package io.avatarl.files;

import io.avatarl.config.UserError;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;

/** Lists the files behind a user's path, which may name many. */
public final class FileListing {
  private FileListing() {}

  /**
   * The files named by a path, a folder (recursively) or a glob, sorted by path. Leaves out empty
   * files and those that Hadoop and Spark hide (names that begin with {@code _} or {@code .}).
   *
   * @throws UserError if there is none
   */
  public static List<FileEntry> of(Storage storage, String path) {
    return storage.at(
        "read",
        path,
        (files, pattern) -> {
          // A file's own name may contain glob characters.
          FileStatus[] roots =
              files.exists(pattern)
                  ? new FileStatus[] {files.getFileStatus(pattern)}
                  : files.globStatus(pattern);
          if (roots == null || roots.length == 0) {
            throw new FileNotFoundException(path);
          }
          List<FileEntry> found = new ArrayList<>();
          for (FileStatus root : roots) {
            add(files, root, found);
          }
          found.sort(Comparator.comparing(FileEntry::path));
          return found;
        });
  }

  private static void add(FileSystem files, FileStatus status, List<FileEntry> found)
      throws IOException {
    if (status.isDirectory()) {
      for (FileStatus child : files.listStatus(status.getPath())) {
        String name = child.getPath().getName();
        if (!name.startsWith("_") && !name.startsWith(".")) {
          add(files, child, found);
        }
      }
    } else if (status.getLen() > 0) {
      found.add(
          new FileEntry(
              status.getPath().toString(), status.getLen(), status.getModificationTime()));
    }
  }
}
