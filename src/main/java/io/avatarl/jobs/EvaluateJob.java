package io.avatarl.jobs;

import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.Corpus;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.files.Storage;
import io.avatarl.spark.NgramJob;
import io.avatarl.train.Baselines;
import io.avatarl.train.Checkpoint;
import io.avatarl.train.FinalEvaluation;
import io.avatarl.train.Runs;
import java.io.IOException;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Repeats a run's final figures from its checkpoint; see {@code jobs/evaluate.sh --help}. */
@Command(
    name = "jobs/evaluate.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Scores a checkpoint on the whole validation split, exactly as the end of training does.")
public final class EvaluateJob implements Callable<Integer> {
  @Parameters(paramLabel = "RUN", description = "a run's folder")
  private String run;

  @Option(
      names = "--checkpoint",
      paramLabel = "STEP",
      description = "the checkpoint after this many steps (default: the newest)")
  private Long step;

  @Option(
      names = "--corpus",
      paramLabel = "FILE|URI",
      description = "the text the run was trained on, where it has moved")
  private String corpusPath;

  public static void main(String[] args) {
    Job.main(new EvaluateJob(), args);
  }

  @Override
  public Integer call() throws IOException {
    try (SparkSession spark = SparkSession.builder().appName("avatarl evaluate").getOrCreate()) {
      Storage storage = new Storage(spark.sparkContext().hadoopConfiguration());
      TrainingConfig config = Runs.config(storage, run);
      Checkpoint checkpoint =
          Checkpoint.find(
              storage, run, step == null ? OptionalLong.empty() : OptionalLong.of(step));
      String path = corpusPath != null ? corpusPath : config.corpus().path();
      CorpusSource.Found found =
          new CorpusSource(storage, Home.path(), System.getenv())
              .find(Optional.of(path).filter(p -> !p.isEmpty()), Runs.corpusSha256(storage, run));
      Corpus corpus =
          Corpus.of(
              found.name(),
              found.bytes(),
              config.corpus().validationFraction(),
              checkpoint.tokenizer(storage));
      FinalEvaluation scores = FinalEvaluation.of(spark, config, corpus, storage, checkpoint);
      System.out.printf(Locale.ROOT, "checkpoint     %s%n", checkpoint.path());
      Baselines.of(corpus, NgramJob.count(spark, found, corpus, config.corpus()))
          .forEach(
              (name, b) ->
                  System.out.printf(
                      Locale.ROOT,
                      "%-14s val_ce %.4f  bits/character %.4f  val_accuracy %.4f%n",
                      name,
                      b.ce(),
                      b.bitsPerCharacter(),
                      b.accuracy()));
      System.out.printf(
          Locale.ROOT, "val_ce                 %s%n", scores.consecutive().crossEntropy());
      System.out.printf(
          Locale.ROOT, "val_bits_per_character %s%n", scores.consecutive().bitsPerCharacter());
      System.out.printf(
          Locale.ROOT, "val_ce_sliding         %s%n", scores.sliding().crossEntropy());
      System.out.printf(
          Locale.ROOT, "val_perplexity         %s%n", scores.consecutive().perplexity());
      System.out.printf(
          Locale.ROOT, "val_accuracy           %s%n", scores.consecutive().accuracy());
      System.out.printf(
          Locale.ROOT, "val_calibration_error  %s%n", scores.consecutive().calibrationError());
    }
    return 0;
  }
}
