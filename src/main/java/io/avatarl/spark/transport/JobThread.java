package io.avatarl.spark.transport;

import io.avatarl.config.Failure;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.rdd.RDD;

/**
 * The thread that submits a run's Spark jobs one after the other, so that they can run while the
 * driver does something else. All jobs have the run as their tag, by which they are cancelled.
 */
public final class JobThread implements AutoCloseable {
  private static final int CLOSE_SECONDS = 30;

  private static final Pattern CANCELLED =
      Pattern.compile("Job \\d+ cancelled(?! because SparkContext was shut down)");

  /** This project's reason within Spark's message. */
  private static final Pattern VERDICT = Pattern.compile("Job \\d+ cancelled «([^»]*)»");

  private final JavaSparkContext spark;
  private final String run;
  private final String group;
  private final int attempts;
  private final ExecutorService thread;

  /** RDDs by their number of partitions; only used by this thread. */
  private final Map<Integer, RDD<Integer>> numbers = new HashMap<>();

  /**
   * @param run the jobs' tag; also their group, if the caller has none
   */
  public JobThread(JavaSparkContext spark, String run) {
    this.spark = spark;
    this.run = run;
    // A notebook cancels its cell's group.
    this.group = Optional.ofNullable(spark.getLocalProperty("spark.jobGroup.id")).orElse(run);
    this.attempts = GuardedTask.attempts(spark.getConf());
    this.thread =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread daemon = new Thread(task, "spark-jobs");
              daemon.setDaemon(true);
              return daemon;
            });
  }

  /** Queues work that may call {@link #run}. */
  public <T> Future<T> submit(Callable<T> work) {
    return thread.submit(work);
  }

  /**
   * Runs a Spark job. Only submitted work may call it.
   *
   * @param description shown in Spark's UI
   * @param task gets the numbers 0, …, {@code shards} − 1
   * @return results in the order of the numbers
   */
  public <T> List<T> run(String description, Function<Integer, T> task, int shards) {
    describe(description);
    List<GuardedTask.Result<T>> results =
        ShardFunction.run(spark, numbers(shards), new GuardedTask<>(task, attempts), run);
    return results.stream().map(GuardedTask.Result::get).toList();
  }

  /**
   * Runs a Spark job whose tasks' numbers are added: on the way to the driver or, within one JVM,
   * by the receiver. The sum has the same bits in both cases. Only submitted work may call it.
   *
   * @param description shown in Spark's UI
   * @param task gets the numbers 0, …, {@code shards} − 1
   */
  public <T> Summed<T> sum(String description, Function<Integer, Summand<T>> task, int shards) {
    if (spark.isLocal() || shards == 1) {
      List<Summand<T>> summands = run(description, task, shards);
      return new Summed<>(
          summands.stream().map(Summand::numbers).toList(),
          summands.stream().map(Summand::rest).toList());
    }
    describe(description);
    return ReduceScatter.run(spark, numbers(shards), new GuardedTask<>(task, attempts));
  }

  private void describe(String description) {
    spark.setJobGroup(group, description, true);
    spark.addJobTag(run);
  }

  private RDD<Integer> numbers(int count) {
    return numbers.computeIfAbsent(count, n -> ShardFunction.numbers(spark, n).rdd());
  }

  /** Waits for the result of submitted work; throws the work's own exception. */
  public static <T> T await(Future<T> work) {
    try {
      return work.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for Spark", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  /** Whether a failure means that someone cancelled Spark's jobs. */
  public static boolean cancelled(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof SparkException && CANCELLED.matcher(t.getMessage()).find()) {
        return true;
      }
    }
    return false;
  }

  /** The reason of a cancellation that is a failure, for {@link #failure}. */
  static String verdict(String text) {
    return "«" + text + "»";
  }

  /**
   * Why an {@link ExecutorWatch} cancelled jobs, in a line; empty if they were stopped otherwise.
   */
  public static Optional<Failure> failure(Throwable cancelled) {
    for (Throwable t = cancelled; t != null; t = t.getCause()) {
      Matcher verdict = VERDICT.matcher(String.valueOf(t.getMessage()));
      if (verdict.find()) {
        return Optional.of(new Failure(verdict.group(1)));
      }
    }
    return Optional.empty();
  }

  /**
   * Called after a failure on the driver: accepts no more work and lets the running job end. If it
   * were cancelled, its tasks would lose their inputs, and Spark would log that at length.
   */
  public void settle() {
    thread.shutdown();
    awaitTermination();
  }

  /** Cancels the run's jobs and waits a while for the running one to end. */
  @Override
  public void close() {
    if (!spark.sc().isStopped()) {
      spark.cancelJobsWithTag(run);
    }
    thread.shutdownNow();
    awaitTermination();
  }

  /** Whether it is closed and no job is running. */
  public boolean isTerminated() {
    return thread.isTerminated();
  }

  private void awaitTermination() {
    try {
      thread.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
