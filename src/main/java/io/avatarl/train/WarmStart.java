package io.avatarl.train;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.CorpusConfig.TokenizerKind;
import io.avatarl.config.GptConfig;
import io.avatarl.config.InitConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.BpeTokenizer;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.interchange.HuggingFaceModel;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.DamagedCheckpoint;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * The model that a run with {@code init} starts from. Only weights and vocabulary are taken from
 * it. The run records which model it is and the SHA-256 of its weights, so that its start can be
 * repeated while that model exists.
 */
final class WarmStart {
  /** Keys of the model that may differ: they change its training, not its shape. */
  private static final Set<String> FREE = Set.of("model.precision", "model.initStd");

  private final InitConfig init;
  private final Origin origin;

  private WarmStart(InitConfig init, Origin origin) {
    this.init = init;
    this.origin = origin;
  }

  /** A model that training can begin with. */
  private sealed interface Origin {
    /** Name of its weights in errors. */
    String path();

    Tokenizer tokenizer();

    Parameters parameters(ParameterLayout layout);

    /** Names exactly this model. */
    InitConfig found(String sha256);
  }

  /** A checkpoint of a run. */
  private record OfRun(
      Storage storage, InitConfig init, CheckpointFolder checkpoint, TrainingConfig begun)
      implements Origin {
    @Override
    public String path() {
      return checkpoint.path();
    }

    @Override
    public Tokenizer tokenizer() {
      return checkpoint.tokenizer(storage);
    }

    @Override
    public Parameters parameters(ParameterLayout layout) {
      return checkpoint.parameters(storage, layout);
    }

    @Override
    public InitConfig found(String sha256) {
      return new InitConfig(
          storage.qualified(init.run()), "", Long.toString(checkpoint.step()), sha256);
    }
  }

  /** A folder of Hugging Face's transformers. */
  private record OfHuggingFace(Storage storage, InitConfig init, HuggingFaceModel model)
      implements Origin {
    @Override
    public String path() {
      return init.hf();
    }

    @Override
    public Tokenizer tokenizer() {
      return model.tokenizer();
    }

    @Override
    public Parameters parameters(ParameterLayout layout) {
      Parameters parameters = new Parameters(layout);
      parameters.set(model.parameters().toArray());
      return parameters;
    }

    @Override
    public InitConfig found(String sha256) {
      return new InitConfig("", storage.qualified(init.hf()), init.checkpoint(), sha256);
    }
  }

  /**
   * Weights and where they come from.
   *
   * @param init names the exact model and its weights' checksum
   */
  record Weights(InitConfig init, float[] values) {}

  /**
   * Finds the model.
   *
   * @throws UserError if there is none, or it has another shape than the configuration
   */
  static WarmStart find(Storage storage, TrainingConfig asked) {
    InitConfig init = asked.init();
    if (!init.hf().isEmpty()) {
      HuggingFaceModel model =
          named(init, () -> HuggingFaceModel.read(storage, init.hf(), asked.model()));
      requireShape(init, differences(model, asked), asked);
      return new WarmStart(init, new OfHuggingFace(storage, init, model));
    }
    TrainingConfig begun = Runs.initial(storage, init.run());
    requireShape(
        init, ConfigReader.differences(ConfigReader.flat(begun), ConfigReader.flat(asked)), asked);
    CheckpointFolder checkpoint =
        named(init, () -> CheckpointFolder.find(storage, init.run(), init.checkpoint()));
    return new WarmStart(init, new OfRun(storage, init, checkpoint, begun));
  }

  /**
   * The shape of the model in {@code init.hf}.
   *
   * @throws UserError that names what has no counterpart here
   */
  static ConfigReader.Shape shape(Storage storage, String folder) {
    GptConfig like = ConfigReader.read("", "", List.of()).model();
    return named(
        new InitConfig("", folder, CheckpointFolder.NEWEST, ""),
        () ->
            new ConfigReader.Shape(
                HuggingFaceModel.shape(storage, folder, like),
                kind(HuggingFaceModel.tokenizer(storage, folder))));
  }

  private static TokenizerKind kind(Tokenizer tokenizer) {
    return tokenizer instanceof BpeTokenizer ? TokenizerKind.BPE : TokenizerKind.CHARACTER;
  }

  /** Differences in the form of {@link ConfigReader#differences}: {@code key: old → new}. */
  private static List<String> differences(HuggingFaceModel model, TrainingConfig asked) {
    List<String> differences =
        new ArrayList<>(HuggingFaceModel.differences(model.shape(), asked.model()));
    if (kind(model.tokenizer()) != asked.corpus().tokenizer()) {
      differences.add(
          "corpus.tokenizer: "
              + ConfigReader.spelling(kind(model.tokenizer()).name())
              + " → "
              + ConfigReader.spelling(asked.corpus().tokenizer().name()));
    }
    return differences;
  }

  private static void requireShape(
      InitConfig init, List<String> differences, TrainingConfig asked) {
    List<String> other = new ArrayList<>();
    for (String difference : differences) {
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
          init.key()
              + ": "
              + init.place()
              + " has another model or tokenizer than the configuration ("
              + String.join("; ", other)
              + "); leave these keys out, or name another "
              + (init.hf().isEmpty() ? "run" : "folder"));
    }
  }

  /** The vocabulary of its weights. */
  Tokenizer tokenizer() {
    return named(init, origin::tokenizer);
  }

  /**
   * The weights.
   *
   * @throws UserError if they are damaged or do not match {@code init.sha256}
   */
  Weights weights(ParameterLayout layout) {
    Parameters parameters = named(init, () -> origin.parameters(layout));
    String sha256 = parameters.sha256();
    if (!init.sha256().isEmpty() && !init.sha256().equals(sha256)) {
      throw new UserError(
          init.key()
              + ": the weights of "
              + origin.path()
              + " have SHA-256 "
              + sha256
              + " and not the expected "
              + init.sha256()
              + "; name "
              + (init.hf().isEmpty() ? "another checkpoint" : "another folder")
              + " or correct init.sha256");
    }
    return new Weights(origin.found(sha256), parameters.toArray());
  }

  /**
   * A warning if the earlier run trained on part of this run's validation split, so that scores on
   * it are too good. The training text of a model from another project is unknown.
   */
  Optional<String> seenValidation(TrainingConfig asked, Corpus corpus) {
    if (!(origin instanceof OfRun run)) {
      return Optional.empty();
    }
    boolean sameText = run.begun.corpus().sha256().equals(corpus.sha256());
    double fraction = run.begun.corpus().validationFraction();
    return sameText && fraction != asked.corpus().validationFraction()
        ? Optional.of(
            "init.run: "
                + init.run()
                + " was trained on this text with corpus.validationFraction = "
                + fraction
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
            && asked.key().equals(before.key())
            && storage.qualified(asked.place()).equals(before.place())
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

  private static <T> T named(InitConfig init, Supplier<T> read) {
    try {
      return read.get();
    } catch (UserError e) {
      throw new UserError(init.key() + ": " + e.getMessage(), e);
    }
  }
}
