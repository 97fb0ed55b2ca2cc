package io.avatarl.jobs.maintenance;

import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.files.Storage;
import io.avatarl.jobs.Home;
import io.avatarl.jobs.Job;
import io.avatarl.jobs.Presets;
import io.avatarl.jobs.TextTable;
import io.avatarl.jobs.Warnings;
import io.avatarl.learner.UpdateMetrics;
import io.avatarl.rollout.RolloutStatistics;
import io.avatarl.train.Baselines;
import io.avatarl.train.Trainer;
import io.avatarl.train.TrainingListener;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains for long and watches memory; see {@code jobs/soak.sh --help}. */
@Command(
    name = "jobs/soak.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Trains for many steps on this machine and shows at intervals the Java heap after a"
            + " collection, the process's"
            + " memory (RSS) and its threads, with the slopes of straight lines through the"
            + " second half. Linux only.",
    footer = {
      "",
      "Exit code 1 if, over the second half, the heap's line rises by more than 8 MB, the"
          + " memory's by more than 64 MB, or that of the threads by more than 5."
    })
public final class SoakJob implements Callable<Integer> {
  private static final double HEAP_MB = 8;
  private static final double MEMORY_MB = 64;
  private static final double THREADS = 5;
  private static final double MB = 1 << 20;
  private static final long SETTLES_MILLIS = 500;

  private final PrintStream out;
  private final PrintStream err;
  private final Warnings warnings;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "number of steps (default:" + " ${DEFAULT-VALUE})")
  private int steps = 5000;

  @Option(
      names = "--samples",
      paramLabel = "N",
      description = "lines of the table, at least 4 (default: ${DEFAULT-VALUE})")
  private int samples = 20;

  @Mixin private PresetOptions trained;

  SoakJob(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
    this.warnings = new Warnings(err);
  }

  public static void main(String[] args) {
    Job.main(new SoakJob(System.out, System.err), args);
  }

  /**
   * Memory and threads of the process after some steps.
   *
   * @param heap used after a collection, bytes
   * @param memory resident, bytes
   * @param threads of the operating system
   */
  record Sample(long step, double seconds, double heap, double memory, double threads) {}

  @Override
  public Integer call() throws IOException {
    if (samples < 4 || steps < samples) {
      throw new UserError("--samples must be at least 4, --steps at least as many");
    }
    Storage storage = Job.storage();
    Path folder = Files.createTempDirectory("avatarl-soak");
    try (Job.Session session = Job.Session.open("avatarl soak")) {
      List<Sample> taken = new ArrayList<>();
      new Trainer(
              storage,
              config(storage),
              new CorpusSource(storage, Home.path(), System.getenv()),
              folder.resolve("run").toString(),
              false,
              watcher(taken),
              Baselines.NONE)
          .run(session.spark());
      return report(taken);
    } finally {
      storage.delete(folder.toUri().toString());
    }
  }

  private TrainingConfig config(Storage storage) {
    Presets.Preset chosen = Presets.load(trained.preset, storage);
    int tenth = Math.max(1, steps / 10);
    List<String> all = new ArrayList<>();
    all.add("steps=" + steps);
    all.add("checkpoint.every=" + tenth);
    all.add("evaluation.every=" + tenth);
    all.add("rolloutTable.every=" + tenth);
    all.addAll(trained.overrides);
    if (trained.corpus != null) {
      all.add("corpus.path=" + trained.corpus);
    }
    return chosen.read(storage, all, warnings);
  }

  private TrainingListener watcher(List<Sample> taken) {
    long began = System.nanoTime();
    return new TrainingListener() {
      @Override
      public void stepped(long step, RolloutStatistics rollouts, UpdateMetrics lastUpdate) {
        if (step % Math.max(1, steps / samples) == 0) {
          Sample sample = sample(step, (System.nanoTime() - began) / 1e9);
          taken.add(sample);
          err.printf(Locale.ROOT, "step %d of %d, %.0f MB%n", step, steps, sample.memory() / MB);
        }
      }
    };
  }

  private static Sample sample(long step, double seconds) {
    // After a first collection, Spark's cleaner frees its objects; only the second shows what is
    // really held.
    System.gc();
    System.gc();
    try {
      // G1 returns free memory in the background.
      Thread.sleep(SETTLES_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // Ends the run after this step.
    }
    double heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    try {
      long kilobytes = 0;
      long threads = 0;
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        String[] words = line.split("\\s+");
        switch (words[0]) {
          case "VmRSS:" -> kilobytes = Long.parseLong(words[1]);
          case "Threads:" -> threads = Long.parseLong(words[1]);
          default -> {}
        }
      }
      return new Sample(step, seconds, heap, 1024.0 * kilobytes, threads);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private int report(List<Sample> taken) {
    TextTable table = new TextTable(80, List.of("step", "seconds", "heap_MB", "RSS_MB", "threads"));
    for (Sample s : taken) {
      table.add(
          List.of(
              Long.toString(s.step()),
              number(s.seconds()),
              number(s.heap() / MB),
              number(s.memory() / MB),
              number(s.threads())));
    }
    table.lines().forEach(out::println);
    List<Sample> half = taken.subList(taken.size() / 2, taken.size());
    boolean flat =
        isFlat("heap", "MB", half, s -> s.heap() / MB, HEAP_MB)
            & isFlat("RSS", "MB", half, s -> s.memory() / MB, MEMORY_MB)
            & isFlat("threads", "", half, Sample::threads, THREADS);
    out.println(flat ? "flat" : "NOT FLAT");
    return flat ? 0 : 1;
  }

  private boolean isFlat(
      String name, String unit, List<Sample> half, ToDoubleFunction<Sample> value, double most) {
    double slope = slope(half, value);
    double rise = slope * (half.get(half.size() - 1).step() - half.get(0).step());
    out.printf(
        Locale.ROOT,
        "%-8s %+.2f %s per 1,000 steps (steps %d to %d: %+.1f, at most %.0f)%n",
        name,
        1000 * slope,
        unit,
        half.get(0).step(),
        half.get(half.size() - 1).step(),
        rise,
        most);
    return rise <= most;
  }

  /** Slope per step of the least-squares line. */
  static double slope(List<Sample> samples, ToDoubleFunction<Sample> value) {
    double steps = samples.stream().mapToDouble(Sample::step).average().orElse(0);
    double mean = samples.stream().mapToDouble(value).average().orElse(0);
    double covariance = 0;
    double variance = 0;
    for (Sample s : samples) {
      covariance += (s.step() - steps) * (value.applyAsDouble(s) - mean);
      variance += (s.step() - steps) * (s.step() - steps);
    }
    return covariance / variance;
  }

  private static String number(double x) {
    return String.format(Locale.ROOT, x == Math.rint(x) ? "%.0f" : "%.1f", x);
  }
}
