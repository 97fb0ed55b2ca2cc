package io.avatarl.train;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import java.util.List;

/** Reads a run's folder. */
public final class Runs {
  private Runs() {}

  /** The configuration the run was started with. */
  public static TrainingConfig config(Storage storage, String run) {
    return ConfigReader.read("", hocon(storage, run), List.of());
  }

  /** The text of the run's configuration. */
  public static String hocon(Storage storage, String run) {
    String file = Storage.resolve(run, RunFiles.CONFIG);
    if (!storage.exists(file)) {
      throw new UserError(run + ": holds no run; name the folder that jobs/train.sh printed");
    }
    return storage.readString(file);
  }
}
