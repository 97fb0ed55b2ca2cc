package io.avatarl.train;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Reads a run's folder. */
public final class Runs {
  private Runs() {}

  /** The configuration the run was started with. */
  public static TrainingConfig config(Storage storage, String run) {
    return config(storage, run, List.of(), warning -> {});
  }

  /**
   * The configuration the run was started with, except for overridden keys.
   *
   * @param overrides {@code key=value} each
   * @param warnings gets one line for each key under an old name in the run or the overrides
   */
  public static TrainingConfig config(
      Storage storage, String run, List<String> overrides, Consumer<String> warnings) {
    String file = Storage.resolve(run, RunFiles.CONFIG);
    if (!storage.exists(file)) {
      String inside = run.replaceFirst("/(checkpoints|rollouts|metrics)(/.*)?$", "");
      throw new UserError(
          run
              + ": holds no run; name the folder that jobs/train.sh printed"
              + (!inside.equals(run) && exists(storage, inside) ? ", here " + inside : ""));
    }
    // The file names its preset.
    return ConfigReader.read(file, file, storage.readString(file), overrides, warnings);
  }

  /**
   * The configuration of a run whose weights another run starts with.
   *
   * @throws UserError that names {@code init.run}
   */
  public static TrainingConfig initial(Storage storage, String run) {
    try {
      return config(storage, run);
    } catch (UserError e) {
      throw new UserError("init.run: " + e.getMessage(), e);
    }
  }

  /** Reads the shapes of models that runs begin with. */
  public static ConfigReader.Beginnings beginnings(Storage storage) {
    return new ConfigReader.Beginnings() {
      @Override
      public Optional<TrainingConfig> run(String run) {
        return Optional.of(initial(storage, run));
      }

      @Override
      public Optional<ConfigReader.Shape> huggingFace(String folder) {
        return Optional.of(WarmStart.shape(storage, folder));
      }
    };
  }

  /** Whether a folder holds a run, finished or not. */
  public static boolean exists(Storage storage, String run) {
    return storage.exists(Storage.resolve(run, RunFiles.CONFIG));
  }

  /**
   * Writes into a run's folder, claiming it meanwhile.
   *
   * @throws UserError if another process writes there, for example a training
   */
  public static void whileClaimed(Storage storage, String run, Runnable write) {
    whileClaimed(storage, run, RunClaim.ANOTHER_FOLDER, write);
  }

  /**
   * Writes into a run's folder while no other process does.
   *
   * @param instead what to do if one does, for the message
   * @throws UserError if one does, a training for example
   */
  public static void whileClaimed(Storage storage, String run, String instead, Runnable write) {
    try (RunClaim claim = RunClaim.take(storage, run, instead)) {
      write.run();
      claim.requireHeld();
    }
  }

  /** How a run ended; empty if it has not ended. */
  public static Optional<Summary> summary(Storage storage, String run) {
    String file = Storage.resolve(run, RunFiles.SUMMARY);
    return storage.exists(file)
        ? Optional.of(Summary.fromJson(file, storage.readString(file)))
        : Optional.empty();
  }
}
