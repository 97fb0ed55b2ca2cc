package io.avatarl.jobs;

import io.avatarl.config.CorpusConfig;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.corpus.LoadedCorpus;
import io.avatarl.corpus.NgramCounts;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.evaluation.Scores;
import io.avatarl.files.HadoopPath;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.model.ParameterLayout;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.spark.ngram.NgramCounter;
import io.avatarl.spark.rollout.HeldOutRewards;
import io.avatarl.train.FinalEvaluation;
import io.avatarl.train.HeldOutEvaluation;
import io.avatarl.train.Runs;
import io.avatarl.yardstick.NgramBaselines;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Repeats a run's final evaluation from its checkpoint; see {@code jobs/evaluate.sh --help}. */
@Command(
    name = "jobs/evaluate.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Scores a checkpoint on the whole validation split, exactly as the end of training does,"
            + " next to the"
            + " n-gram baselines. Options of spark-submit (--master, --conf, ...) are passed on.")
public final class EvaluateJob implements Callable<Integer> {
  private final PrintStream out;
  private final PrintStream err;

  @Parameters(paramLabel = "RUN", description = "a run's folder, or one of its checkpoints/step-*")
  private String run;

  @Mixin private CheckpointChoice checkpointAt;

  @Option(
      names = "--corpus",
      paramLabel = "FILE|URI",
      description = "the text that the run was trained on, if it has moved")
  private String corpusPath;

  @Option(
      names = "--rewards",
      paramLabel = "PRESET|FILE",
      description =
          "also let the model explore in windows of the validation split, as many and in the way that this preset"
              + " (or the config.conf of a run) says, and print the mean of each of its reward components")
  private String rewards;

  EvaluateJob(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  public static void main(String[] args) {
    Job.main(new EvaluateJob(System.out, System.err), args);
  }

  @Override
  public Integer call() {
    Storage storage = Job.storage();
    CheckpointChoice.OfRun chosen = checkpointAt.of(run);
    TrainingConfig config = Runs.config(storage, chosen.run());
    CheckpointFolder checkpoint = CheckpointFolder.find(storage, chosen.run(), chosen.checkpoint());
    Tokenizer tokenizer = checkpoint.tokenizer(storage);
    io.avatarl.model.Parameters model =
        checkpoint.parameters(
            storage, ParameterLayout.of(config.model(), tokenizer.vocabularySize()));
    Optional<TrainingConfig> paid =
        Optional.ofNullable(rewards)
            .map(name -> Presets.load(name, storage).read(storage, List.of(), err::println))
            .map(config::paidAs);
    FinalEvaluation scores;
    Optional<HeldOutRewards> heldOut;
    NgramCounts counts;
    Corpus corpus;
    CorpusConsole console = new CorpusConsole(err, Home.terminalColumns());
    try (Job.LazySession session = new Job.LazySession("avatarl evaluate")) {
      CorpusLoader loader =
          new CorpusLoader(
              storage,
              new CorpusSource(storage, Home.path(), System.getenv()),
              session::spark,
              console);
      CorpusConfig source = config.corpus();
      LoadedCorpus loaded =
          (config.init().isWarm() ? loader.in(tokenizer) : loader)
              .load(
                  corpusPath == null ? source : source.at(corpusPath, source.sha256()),
                  config.evaluation().maxTokens(),
                  HadoopPath.parent(chosen.run()));
      loaded.warnings().forEach(console::warned);
      corpus = loaded.corpus();
      console.close();
      if (!corpus.tokenizer().equals(tokenizer)) {
        throw new UserError(
            "Corpus "
                + corpus.name()
                + " has another vocabulary than the run "
                + run
                + "; name the text it was trained on with --corpus");
      }
      err.printf("scoring %s ...%n", checkpoint.path());
      scores =
          FinalEvaluation.of(
              session.spark(),
              config,
              corpus,
              model,
              (done, of) -> console.at("windows scored", (int) done, (int) of));
      console.close();
      counts = NgramCounter.count(session.spark(), corpus, source);
      heldOut =
          paid.map(as -> HeldOutEvaluation.of(session.spark(), storage, as, corpus, counts, model));
    }
    Scores consecutive = scores.consecutive();
    ScoreTable.print(
        out,
        NgramBaselines.of(corpus, counts),
        "step " + checkpoint.step(),
        consecutive.crossEntropy(),
        consecutive.bitsPerCharacter(),
        consecutive.accuracy());
    // Named as in summary.json, with as many digits as are meaningful.
    out.println();
    out.println("checkpoint             " + checkpoint.path());
    figure("val_ce", consecutive.crossEntropy());
    figure("val_bits_per_character", consecutive.bitsPerCharacter());
    figure("val_ce_sliding", scores.sliding().crossEntropy());
    figure("val_perplexity", consecutive.perplexity());
    figure("val_accuracy", consecutive.accuracy());
    figure("val_calibration_error", consecutive.calibrationError());
    out.println("weights_sha256         " + model.sha256());
    heldOut.ifPresent(
        paidFor -> {
          out.println();
          out.printf(
              Locale.ROOT,
              "rewards of %s in the validation split, means over %,d states, %,d actions%n",
              rewards,
              paidFor.groups(),
              paidFor.rollouts());
          paidFor.components().keySet().forEach(name -> figure(name, paidFor.mean(name)));
        });
    return 0;
  }

  private void figure(String name, double value) {
    out.println(String.format(Locale.ROOT, "%-22s %.6f", name, value));
  }
}
