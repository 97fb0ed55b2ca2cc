package io.avatarl.jobs.maintenance;

import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.jobs.Job;
import io.avatarl.jobs.TextTable;
import io.avatarl.train.Runs;
import io.avatarl.train.StepModel;
import io.avatarl.train.Summary;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Predicts the time of a step on other clusters; see {@code jobs/scale.sh --help}. */
@Command(
    name = "jobs/scale.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Takes the constants of a training step from a run's summary and predicts its time with"
            + " other numbers of workers. Further runs are measured points to compare the"
            + " prediction with.",
    footer = {
      "",
      "  jobs/scale.sh 1=runs/one 2=runs/two 4=runs/four --cores 2",
      "  jobs/scale.sh 1=runs/one 1@0.2=runs/slow-link",
      "  jobs/scale.sh 1=runs/one --workers 8,64,512 --bandwidth 25 --speed 50 --driver-speed 50"
    })
public final class ScaleJob implements Callable<Integer> {
  private static final double GIGABIT = 1e9 / 8;

  private static final Pattern POINT =
      Pattern.compile("([1-9]\\d{0,5})(?:@(?!0+(?:\\.0+)?=)(\\d{1,4}(?:\\.\\d+)?))?=(.+)");

  private final PrintStream out;

  @Parameters(
      arity = "1..*",
      paramLabel = "SLOTS[@GBIT/S]=RUN",
      description =
          "a finished run with its number of task slots and, if it was limited, the bandwidth of"
              + " its links; the first gives the constants")
  private List<String> points;

  @Option(
      names = "--workers",
      paramLabel = "N",
      split = ",",
      description = "numbers of workers, one task slot each, to predict (default: 8,64,512)")
  private List<Integer> workers = List.of(8, 64, 512);

  @Option(
      names = "--cores",
      paramLabel = "N",
      description =
          "number of cores that all workers of the measured runs share (default: one" + " each)")
  private int cores = Integer.MAX_VALUE;

  @Option(
      names = "--bandwidth",
      paramLabel = "GBIT/S",
      description = "bandwidth of each link in the prediction (default: as measured)")
  private double bandwidth = Double.POSITIVE_INFINITY;

  @Option(
      names = "--speed",
      paramLabel = "X",
      description =
          "speed of a worker in the prediction, relative to the measured one (default: 1)")
  private double speed = 1;

  @Option(
      names = "--driver-speed",
      paramLabel = "X",
      description =
          "speed of the driver in the prediction, relative to the measured one" + " (default: 1)")
  private double driverSpeed = 1;

  @Option(
      names = "--per-worker",
      description =
          "give each worker the measured minibatch instead of a share of it: the minibatch grows"
              + " with the workers")
  private boolean perWorker;

  ScaleJob(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] args) {
    Job.main(new ScaleJob(System.out), args);
  }

  private record Point(
      int slots, double gigabits, String run, TrainingConfig config, Summary summary) {}

  @Override
  public Integer call() {
    Storage storage = Job.storage();
    List<Point> measured = points.stream().map(text -> point(storage, text)).toList();
    Point first = measured.get(0);
    StepModel model = StepModel.of(first.config(), first.summary(), Math.min(first.slots(), cores));
    line(
        "constants of %s: learner on %s, %d rounds of %d shards; per step %.1f MB broadcast, %.1f"
            + " MB exchanged, %.1f MB returned",
        first.run(),
        first.config().learner().placement().name().toLowerCase(Locale.ROOT),
        model.rounds(),
        model.shards(),
        model.broadcastBytes() / 1e6,
        model.exchangedBytes() / 1e6,
        model.returnedBytes() / 1e6);
    TextTable compared =
        new TextTable(
            Integer.MAX_VALUE, List.of("slots", "gbit/s", "measured_s", "predicted_s", "error_%"));
    for (Point point : measured) {
      double seconds = StepModel.measured(point.summary());
      double predicted =
          total(
              model.predict(
                  new StepModel.Cluster(point.slots(), cores, 1, 1, point.gigabits() * GIGABIT)));
      compared.add(
          List.of(
              Integer.toString(point.slots()),
              Double.isInfinite(point.gigabits()) ? "" : Double.toString(point.gigabits()),
              number(seconds),
              number(predicted),
              String.format(Locale.ROOT, "%.1f", 100 * (predicted / seconds - 1))));
    }
    compared.lines().forEach(out::println);
    out.println();
    List<String> header = new ArrayList<>(List.of("workers"));
    TextTable predictions = null;
    for (int n : workers) {
      StepModel scaled = perWorker ? model.times(n) : model;
      Map<String, Double> parts =
          scaled.predict(
              new StepModel.Cluster(n, Integer.MAX_VALUE, speed, driverSpeed, bandwidth * GIGABIT));
      if (predictions == null) {
        header.addAll(parts.keySet());
        header.addAll(List.of("step_s", "limit"));
        predictions = new TextTable(Integer.MAX_VALUE, header);
      }
      List<String> row = new ArrayList<>(List.of(Integer.toString(n)));
      parts.values().forEach(seconds -> row.add(number(seconds)));
      row.add(number(total(parts)));
      row.add(parts.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow().getKey());
      predictions.add(row);
    }
    predictions.lines().forEach(out::println);
    return 0;
  }

  private static Point point(Storage storage, String text) {
    Matcher matcher = POINT.matcher(text);
    if (!matcher.matches()) {
      throw new UserError(
          text
              + ": write it as SLOTS=RUN, for example 2=runs/two, or 2@0.5=runs/two for links of"
              + " 0.5 Gbit/s");
    }
    String run = matcher.group(3);
    TrainingConfig config = Runs.config(storage, run);
    Summary summary =
        Runs.summary(storage, run)
            .orElseThrow(() -> new UserError(run + ": is not finished; continue it with --resume"));
    if (summary.bytesPerStep() == null || summary.stageSeconds().get("gradient") == null) {
      throw new UserError(run + ": was written by an earlier version; train it again");
    }
    double gigabits =
        matcher.group(2) == null ? Double.POSITIVE_INFINITY : Double.parseDouble(matcher.group(2));
    return new Point(Integer.parseInt(matcher.group(1)), gigabits, run, config, summary);
  }

  private static double total(Map<String, Double> parts) {
    return parts.values().stream().mapToDouble(Double::doubleValue).sum();
  }

  private static String number(double seconds) {
    return String.format(Locale.ROOT, "%.4f", seconds);
  }

  private void line(String format, Object... values) {
    out.println(String.format(Locale.ROOT, format, values));
  }
}
