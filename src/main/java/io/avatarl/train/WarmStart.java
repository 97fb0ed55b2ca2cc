package io.avatarl.train;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.config.InitConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.DamagedCheckpoint;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The checkpoint that a run with {@code init.run} starts from. Only weights and vocabulary are
 * taken from it. The run records the checkpoint and the SHA-256 of its weights, so that its start
 * can be repeated while that checkpoint exists.
 */
final class WarmStart {
  /**
   * Keys of the model that may differ between the runs: they change its training, not its shape.
   */
  private static final Set<String> FREE = Set.of("model.precision", "model.initStd");

  private final Storage storage;
  private final InitConfig init;
  private final CheckpointFolder checkpoint;
  private final TrainingConfig begun;

  private WarmStart(
      Storage storage, InitConfig init, CheckpointFolder checkpoint, TrainingConfig begun) {
    this.storage = storage;
    this.init = init;
    this.checkpoint = checkpoint;
    this.begun = begun;
  }

  /**
   * Weights and where they come from.
   *
   * @param init names the exact checkpoint and its weights' checksum
   */
  record Weights(InitConfig init, float[] values) {}

  /**
   * Finds the checkpoint.
   *
   * @throws UserError if there is none, or its model has another shape than the configuration
   */
  static WarmStart find(Storage storage, TrainingConfig asked) {
    InitConfig init = asked.init();
    TrainingConfig begun = Runs.initial(storage, init.run());
    requireShape(init.run(), begun, asked);
    try {
      return new WarmStart(
          storage, init, CheckpointFolder.find(storage, init.run(), init.checkpoint()), begun);
    } catch (UserError e) {
      throw named(e);
    }
  }

  private static void requireShape(String run, TrainingConfig begun, TrainingConfig asked) {
    List<String> other = new ArrayList<>();
    for (String difference :
        ConfigReader.differences(ConfigReader.flat(begun), ConfigReader.flat(asked))) {
      String key = difference.substring(0, difference.indexOf(':'));
      // Rotary positions have no weights, so the context may differ.
      boolean free =
          FREE.contains(key)
              || key.equals("model.context")
                  && asked.model().positions() == GptConfig.Positions.ROTARY;
      if (!free && (key.startsWith("model.") || key.equals("corpus.tokenizer"))) {
        other.add(difference);
      }
    }
    if (!other.isEmpty()) {
      throw new UserError(
          "init.run: "
              + run
              + " has another model or tokenizer than the configuration ("
              + String.join("; ", other)
              + "); leave these keys out, or name another run");
    }
  }

  /** The vocabulary of its weights. */
  Tokenizer tokenizer() {
    try {
      return checkpoint.tokenizer(storage);
    } catch (UserError e) {
      throw named(e);
    }
  }

  /**
   * The weights.
   *
   * @throws UserError if they are damaged or do not match {@code init.sha256}
   */
  Weights weights(ParameterLayout layout) {
    Parameters parameters;
    try {
      parameters = checkpoint.parameters(storage, layout);
    } catch (UserError e) {
      throw named(e);
    }
    String sha256 = parameters.sha256();
    if (!init.sha256().isEmpty() && !init.sha256().equals(sha256)) {
      throw new UserError(
          "init.run: the weights of "
              + checkpoint.path()
              + " have SHA-256 "
              + sha256
              + " and not the expected "
              + init.sha256()
              + "; name another checkpoint or correct init.sha256");
    }
    return new Weights(
        new InitConfig(storage.qualified(init.run()), Long.toString(checkpoint.step()), sha256),
        parameters.toArray());
  }

  /**
   * A warning if the earlier run trained on part of this run's validation split, so that scores on
   * it are too good.
   */
  Optional<String> seenValidation(TrainingConfig asked, Corpus corpus) {
    boolean sameText = begun.corpus().sha256().equals(corpus.sha256());
    return sameText && begun.corpus().validationFraction() != asked.corpus().validationFraction()
        ? Optional.of(
            "init.run: "
                + init.run()
                + " was trained on this text with corpus.validationFraction = "
                + begun.corpus().validationFraction()
                + ", so it has seen part of this run's validation split")
        : Optional.empty();
  }

  /**
   * For a resumed run, the recorded {@code init} where it is more precise than the one given now.
   *
   * @param before as the run recorded it
   */
  static InitConfig resumed(Storage storage, InitConfig before, InitConfig asked) {
    boolean same =
        before.isWarm()
            && asked.isWarm()
            && storage.qualified(asked.run()).equals(before.run())
            && asked.sha256().isEmpty()
            && !asked.checkpoint().matches("\\d+");
    return same ? before : asked;
  }

  /** The vocabulary of a resumed run, from its newest readable checkpoint. */
  static Optional<Tokenizer> vocabulary(Storage storage, String run) {
    List<CheckpointFolder> all = CheckpointFolder.list(storage, run);
    for (int i = all.size() - 1; i >= 0; i--) {
      try {
        return Optional.of(all.get(i).tokenizer(storage));
      } catch (DamagedCheckpoint e) {
        // Reported when the run resumes from another checkpoint.
      }
    }
    return Optional.empty();
  }

  private static UserError named(UserError e) {
    return new UserError("init.run: " + e.getMessage(), e);
  }
}
