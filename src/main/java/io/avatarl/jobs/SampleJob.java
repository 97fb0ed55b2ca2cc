package io.avatarl.jobs;

import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.model.CheckpointFolder;
import io.avatarl.train.Runs;
import java.io.PrintStream;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Streams text from a trained model; see {@code jobs/sample.sh --help}. */
@Command(
    name = "jobs/sample.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Writes text with a trained model, token by token. The same seed gives the same text."
            + " Does not start Spark.")
public final class SampleJob implements Callable<Integer> {
  private final PrintStream out;

  @Parameters(paramLabel = "RUN", description = "a run's folder, or one of its checkpoints/step-*")
  private String run;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description =
          "the text to continue (default: a line break; if the model has none, a space or its"
              + " first character)")
  private String prompt;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      description = "length of a sample (default: ${DEFAULT-VALUE})")
  private int tokens = 500;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "0 = always the most probable token, 1 = as trained (default: ${DEFAULT-VALUE})")
  private double temperature = 0.8;

  @Option(
      names = "--samples",
      paramLabel = "N",
      description = "number of samples (default: ${DEFAULT-VALUE})")
  private int samples = 1;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "seed of the random numbers (default: ${DEFAULT-VALUE})")
  private long seed = 1;

  @Mixin private CheckpointChoice checkpointAt;

  SampleJob(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] args) {
    Job.main(new SampleJob(System.out), args);
  }

  @Override
  public Integer call() {
    if (tokens < 1 || samples < 1 || !(temperature >= 0)) {
      throw new UserError("--tokens and --samples must be at least 1, --temperature at least 0");
    }
    Storage storage = Job.storage();
    CheckpointChoice.OfRun chosen = checkpointAt.of(run);
    TrainingConfig config = Runs.config(storage, chosen.run());
    CheckpointFolder checkpoint = CheckpointFolder.find(storage, chosen.run(), chosen.checkpoint());
    try (TextSampler sampler =
        new TextSampler(storage, checkpoint, config, Optional.ofNullable(prompt))) {
      for (int i = 0; i < samples; i++) {
        if (i > 0) {
          out.println("\n---");
        }
        out.print(Terminal.output(sampler.prompt()));
        sampler.sample(
            tokens,
            temperature,
            seed,
            i,
            text -> {
              out.print(Terminal.output(text));
              out.flush();
            });
      }
      out.println();
    }
    return 0;
  }
}
