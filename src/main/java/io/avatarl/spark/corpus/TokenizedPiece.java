package io.avatarl.spark.corpus;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.UserError;
import io.avatarl.corpus.TokenManifest;
import io.avatarl.files.Sha256;
import io.avatarl.files.Storage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * A piece's tokens: files in a folder or, for a small corpus, arrays.
 *
 * @param train files of the training split
 * @param validation files of the validation split
 * @param trainTokens tokens of the training split, if no files are written
 * @param validationTokens tokens of the validation split, if no files are written
 */
record TokenizedPiece(
    List<TokenManifest.Part> train,
    List<TokenManifest.Part> validation,
    byte[] trainTokens,
    byte[] validationTokens)
    implements Serializable {
  /** Longest file in bytes. */
  private static final int FILE_BYTES = 32 << 20;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final byte[] NONE = {};

  /** The stored note that a piece is done, with its files. */
  private record Note(List<TokenManifest.Part> train, List<TokenManifest.Part> validation) {}

  /** Reads the note of a piece that an earlier run finished; null if there is none. */
  static TokenizedPiece noted(Storage storage, String note) throws IOException {
    if (!storage.exists(note)) {
      return null;
    }
    Note noted = JSON.readValue(storage.readBytes(note), Note.class);
    return new TokenizedPiece(noted.train, noted.validation, NONE, NONE);
  }

  void note(Storage storage, String note) throws IOException {
    storage.writeBytes(note, JSON.writeValueAsBytes(new Note(train, validation)));
  }

  /** Collects a split's tokens. */
  static final class Writer {
    private final Storage storage;
    private final String folder;
    private final String split;
    private final String name;
    private final int width;
    private final List<TokenManifest.Part> parts = new ArrayList<>();
    private final ByteArrayOutputStream open = new ByteArrayOutputStream();

    /**
     * @param folder folder of the files; empty: writes no files
     * @param name of the piece's files, without their number
     */
    Writer(Storage storage, String folder, String split, String name, int width) {
      this.storage = storage;
      this.folder = folder;
      this.split = split;
      this.name = name;
      this.width = width;
    }

    void add(byte[] tokens) {
      if (!folder.isEmpty() && open.size() > 0 && open.size() + tokens.length > FILE_BYTES) {
        flush();
      }
      open.writeBytes(tokens);
    }

    private void flush() {
      byte[] bytes = open.toByteArray();
      open.reset();
      String file = parts.isEmpty() ? name + ".bin" : name + "-" + parts.size() + ".bin";
      storage.writeBytes(Storage.resolve(folder, split + "/" + file), bytes);
      parts.add(new TokenManifest.Part(file, bytes.length / width, Sha256.of(bytes)));
    }

    List<TokenManifest.Part> finish() {
      if (!folder.isEmpty() && open.size() > 0) {
        flush();
      }
      return List.copyOf(parts);
    }

    byte[] bytes() {
      return folder.isEmpty() ? open.toByteArray() : NONE;
    }
  }

  static TokenizedPiece of(Writer train, Writer validation) {
    List<TokenManifest.Part> trainParts = train.finish();
    List<TokenManifest.Part> validationParts = validation.finish();
    return new TokenizedPiece(trainParts, validationParts, train.bytes(), validation.bytes());
  }

  /** The error for a piece that changed since it was scanned. */
  static UserError changed(String source) {
    return new UserError(
        "Corpus " + source + " changed while it was read; start again when it is complete");
  }
}
