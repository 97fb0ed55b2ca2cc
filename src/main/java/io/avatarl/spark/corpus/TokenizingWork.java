package io.avatarl.spark.corpus;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;

/** The work of an interrupted run, from which the next one continues. */
final class TokenizingWork {
  static final String FOLDER = "_work";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Storage storage;
  private final String folder;
  private final String fingerprint;

  /**
   * @throws UserError if the folder holds a part of other tokens
   */
  TokenizingWork(Storage storage, String folder, String fingerprint) {
    this.storage = storage;
    this.folder = storage.qualified(folder); // Executors have other working directories.
    this.fingerprint = fingerprint;
    String plan = path("plan.json");
    if (storage.exists(plan) && !storage.readString(plan).equals(fingerprint)) {
      throw new UserError(
          folder
              + ": holds a part of the tokens of another corpus, of an earlier state of this one,"
              + " or"
              + " of other settings; delete it, or name another folder");
    }
  }

  String folder() {
    return folder;
  }

  String fingerprint() {
    return fingerprint;
  }

  String path(String name) {
    return Storage.resolve(Storage.resolve(folder, FOLDER), name);
  }

  Optional<CorpusScan> scan() {
    return read("scan.json").map(this::parse);
  }

  private CorpusScan parse(String json) {
    try {
      return JSON.readValue(json, CorpusScan.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Optional<Tokenizer> tokenizer() {
    return read("tokenizer.json").map(Tokenizer::fromJson);
  }

  private Optional<String> read(String name) {
    return storage.exists(path(name))
        ? Optional.of(storage.readString(path(name)))
        : Optional.empty();
  }

  void begin(CorpusScan scan) {
    storage.requireWritableDirectory(folder);
    storage.writeString(path("plan.json"), fingerprint);
    try {
      storage.writeBytes(path("scan.json"), JSON.writeValueAsBytes(scan));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void keep(Tokenizer tokenizer) {
    storage.writeString(path("tokenizer.json"), tokenizer.toJson());
  }

  void end() {
    storage.delete(Storage.resolve(folder, FOLDER));
  }
}
