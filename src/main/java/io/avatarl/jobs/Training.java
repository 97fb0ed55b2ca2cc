package io.avatarl.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.avatarl.config.Failure;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.CorpusSource;
import io.avatarl.files.Storage;
import io.avatarl.spark.corpus.CorpusLoader;
import io.avatarl.spark.transport.ExecutorWatch;
import io.avatarl.spark.transport.JobThread;
import io.avatarl.train.TrainingListener;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Training as a method call, from a notebook or another program, in its running session. The
 * settings are a map: {@code preset}, {@code corpus}, {@code out} and {@code resume} mean the same
 * as the options of {@code jobs/train.sh}; all other keys are those of {@code reference.conf}.
 * {@code out} is required. The run's folder is like that of the command.
 *
 * <pre>{@code
 * Training.run(spark, Map.of("preset", "smoke", "corpus", "s3a://bucket/input.txt", "out", "s3a://bucket/runs/1", "steps", 50));
 * }</pre>
 *
 * <p>Cancelling the cell (an interrupt of the calling thread, or Spark's cancellation of its job
 * group or of all jobs) ends training with a checkpoint of the last complete step, from which
 * {@code resume} continues. The JVM and the session stay usable.
 *
 * <p>{@link #start} gives an object whose {@link #next} has the lines of progress one by one, for
 * callers that show them somewhere else; the Python package uses it.
 */
public final class Training {
  private static final String END = new String("end"); // Known by its identity.

  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private final FutureTask<String> result;
  private final TrainingRun call;
  private final ExecutorWatch watch;

  private Training(SparkSession spark, Optional<Dataset<Row>> rows, Map<String, ?> config) {
    PrintStream out = new PrintStream(new Lines(), true, UTF_8);
    SparkContext context = Job.Session.context(spark);
    String tag = "avatarl-" + UUID.randomUUID();
    this.watch =
        ExecutorWatch.over(context, Optional.of(tag), line -> out.println("WARNING: " + line));
    context.addJobTag(tag);
    try {
      this.call = prepare(spark, rows, config, out);
    } catch (RuntimeException e) {
      watch.close();
      throw e;
    } finally {
      context.removeJobTag(tag);
    }
    this.result =
        new FutureTask<>(
            () -> {
              try (watch) {
                context.addJobTag(tag); // of this thread, and of those that it starts
                return finish(call, spark);
              }
            });
  }

  /**
   * Trains and prints progress to standard output; see {@link #run(SparkSession, Map, Consumer)}.
   */
  public static String run(SparkSession spark, Map<String, ?> config) {
    return run(spark, config, System.out::println);
  }

  /**
   * Trains.
   *
   * @param progress gets the lines of progress, on this thread; in a Scala cell, {@code println(_)}
   *     prints them below the cell
   * @return the run's folder
   * @throws UserError if the input is wrong, in one line
   * @throws CancellationException if it was cancelled; the checkpoint is written
   */
  public static String run(
      SparkSession spark, Map<String, ?> config, Consumer<? super String> progress) {
    return start(spark, config).follow(progress);
  }

  /**
   * Trains on the strings of the column {@code corpus.column}: each row is a document. Leave out
   * {@code corpus} and {@code corpus.table}. Pass the same rows again to resume.
   *
   * @return the run's folder
   */
  public static String run(
      Dataset<Row> rows, Map<String, ?> config, Consumer<? super String> progress) {
    return start(rows, config).follow(progress);
  }

  /** Prints progress to standard output; see the other {@code follow}. */
  public String follow() {
    return follow(System.out::println);
  }

  /**
   * Waits for the end, and stops training where this thread is interrupted.
   *
   * @param progress gets the lines, on this thread
   * @return the run's folder
   * @throws CancellationException where it was stopped or cancelled; the checkpoint is written
   */
  public String follow(Consumer<? super String> progress) {
    // An interrupt would break a step; on a thread of its own, training can finish it.
    try {
      for (String line = next(); line != null; line = next()) {
        progress.accept(line);
      }
      return result();
    } catch (InterruptedException e) {
      stop();
      lines.stream().filter(line -> line != END).forEach(progress);
      Thread.currentThread().interrupt();
      throw stopped(call.folder());
    }
  }

  /**
   * Starts training and returns. The jobs belong to the caller's job group.
   *
   * @throws UserError if the input is wrong, in one line
   */
  public static Training start(SparkSession spark, Map<String, ?> config) {
    return begin(new Training(spark, Optional.empty(), config));
  }

  /** Starts training on rows; see {@link #run(Dataset, Map, Consumer)}. */
  public static Training start(Dataset<Row> rows, Map<String, ?> config) {
    return begin(new Training(rows.sparkSession(), Optional.of(rows), config));
  }

  private static Training begin(Training training) {
    Thread thread =
        new Thread(
            () -> {
              training.result.run();
              training.lines.add(END);
            },
            "avatarl-training");
    thread.setDaemon(true);
    thread.start();
    return training;
  }

  /** Waits for the next line of progress; null when training has ended. */
  public String next() throws InterruptedException {
    String line = lines.take();
    if (line == END) {
      lines.add(END);
      return null;
    }
    return line;
  }

  /** Ends training after the current step with a checkpoint, and waits for it. */
  public void stop() {
    call.stop();
    watch.ending();
    boolean interrupted = false;
    while (!result.isDone()) {
      try {
        result.get();
      } catch (ExecutionException e) {
        // result() reports it.
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Waits for the end.
   *
   * @return the run's folder
   * @throws UserError if the input is wrong, in one line
   * @throws Failure if something foreseen failed that is not the user's mistake, in one line
   * @throws CancellationException if it was stopped or cancelled; the checkpoint is written
   */
  public String result() throws InterruptedException {
    try {
      return result.get();
    } catch (ExecutionException e) {
      Optional<RuntimeException> said =
          UserError.in(e)
              .<RuntimeException>map(mistake -> mistake)
              .or(() -> Failure.of(e.getCause(), "on the driver", Failure.DRIVER_HEAP));
      if (said.isPresent()) {
        throw said.get();
      }
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  private static TrainingRun prepare(
      SparkSession spark, Optional<Dataset<Row>> rows, Map<String, ?> config, PrintStream out) {
    Map<String, Object> settings = new TreeMap<>(config);
    String preset = text(settings.remove("preset"));
    String corpus = text(settings.remove("corpus"));
    String folder = text(settings.remove("out"));
    boolean resume = Boolean.parseBoolean(text(settings.remove("resume")));
    if (folder.isEmpty()) {
      throw new UserError("out: name the run's folder, any Hadoop path");
    }
    List<String> overrides = new ArrayList<>();
    settings.forEach((key, value) -> overrides.add(key + "=" + value));
    Storage storage = new Storage(Job.Session.context(spark).hadoopConfiguration());
    TrainingConsole console = new TrainingConsole(out, out, OptionalInt.empty());
    TrainingConfig asked =
        TrainingRun.config(storage, preset, overrides, corpus, folder, resume, console::warned);
    CorpusLoader corpora =
        new CorpusLoader(
            storage,
            new CorpusSource(storage, Home.path(), System.getenv()),
            () -> spark,
            new CorpusConsole(out, OptionalInt.empty()));
    return new TrainingRun(
        storage,
        asked,
        rows.map(corpora::of).orElse(corpora),
        folder,
        resume,
        console,
        TrainingListener.NONE);
  }

  private static String text(Object value) {
    return value == null ? "" : value.toString();
  }

  private static String finish(TrainingRun call, SparkSession spark) {
    try (call) {
      if (call.run(spark)) {
        return call.folder();
      }
      call.stopped();
    } catch (Exception e) { // Spark also throws checked exceptions.
      Optional<Failure> failure = JobThread.failure(e);
      if (failure.isEmpty() && !JobThread.cancelled(e)) {
        failure = Failure.of(e, "on the driver", Failure.DRIVER_HEAP);
        if (failure.isEmpty()) {
          throw e;
        }
      }
      if (failure.isPresent()) {
        throw failure.get();
      }
    }
    throw stopped(call.folder());
  }

  private static CancellationException stopped(String folder) {
    return new CancellationException(
        "training was stopped; a call with resume = true continues from the last checkpoint in "
            + folder);
  }

  /** Collects what is printed, line by line. */
  private final class Lines extends ByteArrayOutputStream {
    @Override
    public synchronized void flush() {
      String text = toString(UTF_8);
      int end = text.lastIndexOf('\n') + 1;
      if (end > 0) {
        text.substring(0, end).lines().forEach(lines::add);
        reset();
        writeBytes(text.substring(end).getBytes(UTF_8));
      }
    }
  }
}
