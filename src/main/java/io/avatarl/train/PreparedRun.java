package io.avatarl.train;

import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusProvider;
import io.avatarl.files.HadoopPath;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.DamagedCheckpoint;
import io.avatarl.model.ParameterLayout;
import io.avatarl.model.Parameters;
import io.avatarl.reward.CustomRewards;
import io.avatarl.reward.Rewards;
import io.avatarl.rollout.FrozenPolicy;
import io.avatarl.spark.table.RolloutTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A run whose input is checked: everything it needs that never changes.
 *
 * @param output the run's folder, any Hadoop path
 * @param resume whether the run continues from its folder
 * @param resumed the checkpoint to continue from; empty: start at the first step
 * @param claim keeps other processes from writing into the folder until it is closed
 */
record PreparedRun(
    Storage storage,
    String output,
    Beginning beginning,
    Optional<FrozenPolicy> referee,
    boolean resume,
    Optional<Checkpoint.State> resumed,
    RunClaim claim) {

  /**
   * Checks the user's input before anything slow begins. Writes nothing but a probe file and the
   * claim.
   *
   * @param corpora finds the corpus that the configuration names
   * @param output must not hold a run, unless {@code resume}
   * @param resume whether to continue from the newest checkpoint in {@code output}
   * @param listener is warned
   * @throws UserError if a run cannot begin or continue like this
   */
  static PreparedRun of(
      Storage storage,
      TrainingConfig config,
      CorpusProvider corpora,
      String output,
      boolean resume,
      TrainingListener listener) {
    TrainingConfig asked =
        resume ? requireSame(storage, output, config) : requireFresh(storage, output, config);
    // The class loader with the --packages, which Spark uses, too.
    RolloutTable.check(
        asked.rolloutTable(), storage, output, Thread.currentThread().getContextClassLoader());
    Rewards.check(asked.reward(), Curriculum.rewards(asked));
    Rewards.checkSign(asked.advantage(), asked.reward(), Curriculum.rewards(asked));
    boolean existed = storage.exists(output);
    // Before the corpus, which may have to be downloaded.
    storage.requireWritableDirectory(output);
    RunClaim claim = RunClaim.take(storage, output, resume, listener::warned);
    try {
      if (!resume) {
        // Another process may have started and finished a run since the first check.
        requireFresh(storage, output, asked);
      }
      Beginning beginning =
          Beginning.of(
              storage,
              asked,
              corpora,
              HadoopPath.parent(output),
              asked.init().isWarm() && resume
                  ? WarmStart.vocabulary(storage, output)
                  : Optional.empty(),
              listener::warned);
      requirePrompt(asked, beginning.corpus());
      CustomRewards.tryFunctions(asked, beginning.corpus());
      return new PreparedRun(
          storage,
          output,
          beginning,
          referee(storage, asked, beginning.corpus()),
          resume,
          resume ? newest(storage, output, asked, beginning.layout(), listener) : Optional.empty(),
          claim);
    } catch (RuntimeException e) {
      if (!existed) {
        storage.delete(output);
      }
      claim.close();
      throw e;
    }
  }

  /** Where training begins. */
  TrainerState state() {
    return resumed.map(Checkpoint.State::trainer).orElseGet(() -> TrainerState.start(config()));
  }

  TrainingConfig config() {
    return beginning.config();
  }

  Corpus corpus() {
    return beginning.corpus();
  }

  /** Weights of the rollouts that were in flight at the checkpoint; else empty. */
  float[] behaviour() {
    return resumed.map(Checkpoint.State::behaviour).orElseGet(() -> new float[0]);
  }

  /**
   * Checks the prompt before the first step instead of after the last one, when samples are
   * written.
   */
  private static void requirePrompt(TrainingConfig asked, Corpus corpus) {
    if (asked.sample().count() > 0 || asked.rolloutTable().every() > 0) {
      try {
        corpus.tokenizer().encode(asked.sample().prompt());
      } catch (UserError e) {
        throw new UserError("sample.prompt: " + e.getMessage(), e);
      }
    }
  }

  private static TrainingConfig requireFresh(Storage storage, String output, TrainingConfig asked) {
    if (storage.exists(Storage.resolve(output, RunFiles.CONFIG))) {
      throw new UserError(
          output
              + ": already holds a run; continue it with --resume, or name another folder with"
              + " --out");
    }
    return asked;
  }

  /** The configuration of a resumed run, with the corpus it was started with. */
  private static TrainingConfig requireSame(Storage storage, String output, TrainingConfig asked) {
    if (!storage.exists(Storage.resolve(output, RunFiles.CONFIG))) {
      throw new UserError(output + ": holds no run to resume; leave out --resume to start one");
    }
    TrainingConfig before = Runs.config(storage, output);
    TrainingConfig same =
        asked.corpus().sha256().isEmpty()
            ? asked.with(asked.corpus().at(asked.corpus().path(), before.corpus().sha256()))
            : asked;
    same = same.with(WarmStart.resumed(storage, before.init(), same.init()));
    RunFiles.requireSame(output, ConfigReader.flat(before), ConfigReader.flat(same));
    return same;
  }

  /** The newest readable checkpoint; skips unreadable ones with a warning. */
  private static Optional<Checkpoint.State> newest(
      Storage storage,
      String output,
      TrainingConfig asked,
      ParameterLayout layout,
      TrainingListener listener) {
    List<DamagedCheckpoint> damaged = new ArrayList<>();
    List<CheckpointFolder> all = CheckpointFolder.list(storage, output);
    for (int i = all.size() - 1; i >= 0; i--) {
      Checkpoint.State state;
      try {
        state = Checkpoint.read(storage, all.get(i), layout);
      } catch (DamagedCheckpoint e) {
        damaged.add(e);
        continue;
      }
      // The settings when the checkpoint was written, even if config.conf has changed since.
      RunFiles.requireSame(output, state.trainer().settings(), ConfigReader.flat(asked));
      damaged.forEach(e -> listener.warned(e.getMessage()));
      if (!damaged.isEmpty()) {
        listener.warned("continuing from step " + state.trainer().step() + " instead");
      }
      RunFiles.stepsChanged(output, state.trainer(), asked).ifPresent(listener::warned);
      return Optional.of(state);
    }
    if (!damaged.isEmpty()) {
      throw new UserError(
          output
              + ": none of its checkpoints can be read; restore one, or start another run with"
              + " --out. The newest is "
              + damaged.get(0).getMessage(),
          damaged.get(0));
    }
    listener.warned(output + ": holds no checkpoint yet; starting from the first step");
    return Optional.empty();
  }

  static Optional<FrozenPolicy> referee(Storage storage, TrainingConfig asked, Corpus corpus) {
    String run = asked.reward().referee().run();
    if (run.isEmpty()) {
      return Optional.empty();
    }
    TrainingConfig referee = Runs.config(storage, run);
    GptConfig model = referee.model();
    double heldOut = referee.corpus().validationFraction();
    if (heldOut != asked.corpus().validationFraction()) {
      throw new UserError(
          "reward.referee.run: "
              + run
              + " was trained with corpus.validationFraction = "
              + heldOut
              + " and therefore on other text than this run, which has "
              + asked.corpus().validationFraction()
              + "; set that, or name another run");
    }
    CheckpointFolder checkpoint = CheckpointFolder.find(storage, run, CheckpointFolder.NEWEST);
    if (!checkpoint.tokenizer(storage).toJson().equals(corpus.tokenizer().toJson())) {
      throw new UserError(
          "reward.referee.run: "
              + run
              + " has another vocabulary; name a run over the same corpus");
    }
    String text = referee.corpus().sha256();
    if (!text.isEmpty() && !text.equals(corpus.sha256())) {
      throw new UserError(
          "reward.referee.run: "
              + run
              + " was trained on another text, which may hold this run's validation split; name a"
              + " run"
              + " over the same corpus");
    }
    if (model.context() < asked.model().context()) {
      throw new UserError(
          "reward.referee.run: "
              + run
              + " has context "
              + model.context()
              + ", model.context is "
              + asked.model().context()
              + "; shorten it or name another run");
    }
    int vocabulary = corpus.tokenizer().vocabularySize();
    Parameters weights = checkpoint.parameters(storage, ParameterLayout.of(model, vocabulary));
    return Optional.of(new FrozenPolicy(model, vocabulary, weights.toArray()));
  }
}
