package io.avatarl.spark.corpus;

import io.avatarl.config.CorpusConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.FileEntry;
import io.avatarl.files.FileListing;
import io.avatarl.files.Storage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The files that {@code corpus.path} names, sorted by path, and their format.
 *
 * @param name for messages
 * @param files the files, none of them empty
 * @param format of all of them
 * @param roots the paths to give to Spark, if Spark reads them
 */
record CorpusFiles(String name, List<FileEntry> files, CorpusFormat format, List<String> roots) {
  private static final int MAGIC = 4;

  /**
   * Finds the files.
   *
   * @param path one path, a glob, or several with commas between them
   * @param asked the format that the user named
   * @throws UserError if there are none, or they have several formats
   */
  static CorpusFiles find(Storage storage, String path, CorpusConfig.Format asked) {
    List<String> roots = storage.exists(path) ? List.of(path) : split(path);
    List<FileEntry> files = new ArrayList<>();
    boolean delta = asked == CorpusConfig.Format.DELTA;
    for (String root : roots) {
      if (storage.exists(Storage.resolve(root, "_delta_log"))) {
        delta = true;
      }
      List<FileEntry> found = FileListing.of(storage, root);
      if (found.isEmpty()) {
        throw new UserError(
            "Corpus " + root + " holds no file that is not empty; name a text with --corpus");
      }
      files.addAll(found);
    }
    files.sort(Comparator.comparing(FileEntry::path));
    CorpusFormat format;
    if (delta) {
      format = CorpusFormat.DELTA;
    } else if (asked != CorpusConfig.Format.AUTO) {
      format = CorpusFormat.valueOf(asked.name());
    } else {
      format = guess(storage, path, files);
    }
    return new CorpusFiles(path, List.copyOf(files), format, roots);
  }

  /** Splits at commas, except inside the braces of a glob. */
  private static List<String> split(String path) {
    List<String> parts = new ArrayList<>();
    int depth = 0;
    int from = 0;
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      depth += c == '{' ? 1 : c == '}' ? -1 : 0;
      if (c == ',' && depth == 0) {
        parts.add(path.substring(from, i).strip());
        from = i + 1;
      }
    }
    parts.add(path.substring(from).strip());
    return parts.stream().filter(part -> !part.isEmpty()).toList();
  }

  private static CorpusFormat guess(Storage storage, String path, List<FileEntry> files) {
    TreeSet<CorpusFormat> formats = new TreeSet<>();
    for (FileEntry file : files) {
      formats.add(CorpusFormat.ofName(file.path()));
    }
    // A name without a known ending is checked by content; of many files, the first stands for all.
    FileEntry first = files.get(0);
    if (formats.equals(new TreeSet<>(List.of(CorpusFormat.TEXT)))) {
      byte[] head =
          storage.readRange(first.path(), first.length(), 0, (int) Math.min(MAGIC, first.length()));
      return CorpusFormat.ofContent(first.path(), head, CorpusFormat.TEXT);
    }
    if (formats.size() > 1) {
      throw new UserError(
          "Corpus "
              + path
              + " mixes formats ("
              + formats.stream().map(CorpusFormat::spelling).collect(Collectors.joining(", "))
              + "); name files of one format, with a glob as in "
              + "'folder/*.txt'");
    }
    return formats.first();
  }

  /** Bytes of all files. */
  long bytes() {
    return files.stream().mapToLong(FileEntry::length).sum();
  }

  /** Whether any file is packed, so that its length says little about its text's length. */
  boolean isPacked() {
    return files.stream()
        .anyMatch(file -> CorpusFormat.Packing.of(file.path()) != CorpusFormat.Packing.NONE);
  }

  /** Identifies the files' state: paths, lengths and times. */
  String listing() {
    return files.stream()
        .map(file -> file.path() + "\t" + file.length() + "\t" + file.modified())
        .collect(Collectors.joining("\n"));
  }
}
