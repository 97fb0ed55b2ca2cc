package io.avatarl.jobs;

import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.spark.table.NamedRows;
import io.avatarl.train.PromptRollouts;
import java.io.PrintStream;
import java.util.concurrent.Callable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Draws continuations of prompts into a table; see {@code jobs/generate.sh --help}. */
@Command(
    name = "jobs/generate.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Draws continuations of prompts from a trained model into a table, one row each, with the"
            + " log-probabilities"
            + " of their tokens. With a column reward added, it is a table to learn from"
            + " (jobs/train.sh --rollouts). Options of spark-submit (--master, --conf, ...) are"
            + " passed on.")
public final class GenerateJob implements Callable<Integer> {
  private final PrintStream out;

  @Parameters(paramLabel = "RUN", description = "a run's folder, or one of its checkpoints/step-*")
  private String run;

  @Option(
      names = "--prompts",
      paramLabel = "TABLE|FILE",
      required = true,
      description =
          "a text (each line is a prompt), or JSON lines, CSV, Parquet, ORC, Delta or a table"
              + " with a column prompt; other columns are kept")
  private String prompts;

  @Option(
      names = "--out",
      paramLabel = "TABLE",
      required = true,
      description =
          "a new folder at any Hadoop path (Parquet), or a new table schema.table of Spark's"
              + " catalog")
  private String output;

  @Option(
      names = "--samples",
      paramLabel = "K",
      description = "continuations of each prompt (default: ${DEFAULT-VALUE})")
  private int samples = 8;

  @Option(
      names = "--tokens",
      paramLabel = "H",
      description =
          "tokens of each continuation, at most the model's context (default: half of" + " that)")
  private int tokens;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "seed of the random numbers (default: ${DEFAULT-VALUE})")
  private long seed = 1;

  @Mixin private CheckpointChoice checkpointAt;

  GenerateJob(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] args) {
    Job.main(new GenerateJob(System.out), args);
  }

  @Override
  public Integer call() {
    Storage storage = Job.storage();
    CheckpointChoice.OfRun chosen = checkpointAt.of(run);
    PromptRollouts policy = PromptRollouts.of(storage, chosen.run(), chosen.checkpoint(), seed);
    TrainingConfig config = policy.config();
    int length = tokens == 0 ? Math.max(1, config.model().context() / 2) : tokens;
    if (samples < 1 || length < 1 || length > config.model().context()) {
      throw new UserError(
          "--samples must be at least 1, --tokens between 1 and the model's context, "
              + config.model().context());
    }
    try (Job.Session session = Job.Session.open("avatarl generate")) {
      SparkSession spark = session.spark();
      NamedRows.requireNew(spark, storage, "--out", output);
      Dataset<Row> given = NamedRows.read(spark, storage, "--prompts", prompts);
      long rows = policy.write(spark, given, samples, length, output);
      out.printf(
          "%s: %,d continuations of %,d prompts, %d tokens each, by step %d of %s (weights %s)%n",
          output,
          rows,
          rows / samples,
          length,
          policy.step(),
          chosen.run(),
          policy.sha256().substring(0, 8));
      out.printf("add a column reward, then: %s%n", command(chosen.run()));
    }
    return 0;
  }

  private String command(String from) {
    return Home.command("train.sh", "--rollouts", output, "--set", "init.run=" + from);
  }
}
