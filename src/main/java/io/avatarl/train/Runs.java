package io.avatarl.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Reads a run's folder. */
public final class Runs {
  private Runs() {}

  /** The configuration the run was started with. */
  public static TrainingConfig config(Storage storage, String run) {
    String file = Storage.resolve(run, RunFiles.CONFIG);
    if (!storage.exists(file)) {
      throw new UserError(run + ": holds no run; name the folder that jobs/train.sh printed");
    }
    return ConfigReader.read("", storage.readString(file), List.of());
  }

  /** Checksum of the corpus of a finished run. */
  public static Optional<String> corpusSha256(Storage storage, String run) {
    String file = Storage.resolve(run, RunFiles.SUMMARY);
    if (!storage.exists(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new ObjectMapper().readTree(storage.readBytes(file)).path("corpus_sha256").asText());
    } catch (IOException e) {
      throw new UserError(file + ": not readable as JSON", e);
    }
  }
}
