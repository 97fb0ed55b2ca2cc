package io.avatarl.jobs;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.TrainingConfig;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.files.Storage;
import io.avatarl.train.Checkpoint;
import io.avatarl.train.RunFiles;
import io.avatarl.train.Summary;
import io.avatarl.train.Training;
import java.io.PrintStream;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.util.ShutdownHookManager;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Trains a model; see {@code jobs/train.sh --help}. */
@Command(
    name = "jobs/train.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Trains a language model from random weights by reinforcement learning on Spark. Without options: the"
            + " preset maxrl on tinyshakespeare, on this machine. Options of spark-submit (--master, --conf,"
            + " --driver-memory, ...) are passed on.")
public final class TrainJob implements Callable<Integer> {
  /**
   * Above Spark's own hooks (50 and less), so that the checkpoint is written while Spark still
   * runs.
   */
  private static final int HOOK_PRIORITY = 1000;

  private static final int STOP_SECONDS = 120;

  @Option(
      names = "--preset",
      paramLabel = "NAME|FILE",
      defaultValue = Presets.DEFAULT,
      description = "a preset of conf/, or a HOCON file (default: ${DEFAULT-VALUE})")
  private String preset;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "overrides one key of the preset; every key is in reference.conf")
  private List<String> overrides = List.of();

  @Option(
      names = "--corpus",
      paramLabel = "FILE|URI",
      description =
          "a UTF-8 text at any Hadoop path (default: $AVATARL_CORPUS, data/tinyshakespeare/input.txt, a download)")
  private String corpus;

  @Option(
      names = "--out",
      paramLabel = "DIR|URI",
      description = "the run's folder (default: runs/PRESET-DATE-TIME)")
  private String out;

  @Option(names = "--resume", description = "go on from the newest checkpoint in --out")
  private boolean resume;

  public static void main(String[] args) {
    Job.main(new TrainJob(), args);
  }

  @Override
  public Integer call() throws Exception {
    Storage storage = new Storage(new org.apache.hadoop.conf.Configuration());
    TrainingConfig config = config(storage);
    String output =
        out != null
            ? out
            : Storage.resolve(
                Home.path(),
                "runs/"
                    + config.preset()
                    + "-"
                    + DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").format(LocalDateTime.now()));
    PrintStream console = System.out;
    TrainingConsole progress = new TrainingConsole(console, System.err, Home.terminal());
    try (SparkSession spark =
        SparkSession.builder().appName("avatarl " + config.preset()).getOrCreate()) {
      CorpusSource.Found found =
          new CorpusSource(
                  new Storage(spark.sparkContext().hadoopConfiguration()),
                  Home.path(),
                  System.getenv())
              .find(
                  Optional.of(config.corpus().path()).filter(path -> !path.isEmpty()),
                  Optional.of(config.corpus().sha256()).filter(sum -> !sum.isEmpty()));
      found.warnings().forEach(progress::warned);
      Training training = new Training(spark, config, found, output, resume, progress);
      Runnable stop = () -> stop(training, progress);
      ShutdownHookManager.get()
          .addShutdownHook(stop, HOOK_PRIORITY, STOP_SECONDS, TimeUnit.SECONDS);
      Optional<Summary> summary;
      try {
        summary = training.run();
      } finally {
        if (!ShutdownHookManager.get().isShutdownInProgress()) {
          ShutdownHookManager.get().removeShutdownHook(stop);
        }
      }
      if (summary.isPresent()) {
        List<String> samples = samples(storage(spark), config, output);
        storage(spark)
            .writeString(
                Storage.resolve(output, RunFiles.SAMPLES),
                new ObjectMapper().valueToTree(samples) + "\n");
        String report = Storage.resolve(output, RunFiles.REPORT);
        ReportPage.write(storage(spark), List.of(output), report);
        progress.finished(summary.get(), samples, output);
        console.println("report         " + report);
      }
    }
    return 0;
  }

  private static Storage storage(SparkSession spark) {
    return new Storage(spark.sparkContext().hadoopConfiguration());
  }

  private TrainingConfig config(Storage storage) {
    Presets.Preset chosen = Presets.load(preset, storage);
    List<String> all = new ArrayList<>(overrides);
    if (corpus != null) {
      all.add("corpus.path=" + corpus);
    }
    return ConfigReader.read(chosen.name(), chosen.hocon(), all);
  }

  private static void stop(Training training, TrainingConsole progress) {
    progress.stopping();
    try {
      training.stop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static List<String> samples(Storage storage, TrainingConfig config, String output) {
    List<String> samples = new ArrayList<>();
    Checkpoint checkpoint = Checkpoint.find(storage, output, OptionalLong.empty());
    try (Sampler sampler = new Sampler(storage, checkpoint, config)) {
      for (int i = 0; i < config.sample().count(); i++) {
        StringBuilder text = new StringBuilder();
        sampler.sample(
            config.sample().prompt(),
            config.sample().tokens(),
            config.sample().temperature(),
            config.seed(),
            i,
            text::append);
        samples.add(text.toString());
      }
    }
    return samples;
  }
}
