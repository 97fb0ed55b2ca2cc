package io.avatarl.spark.transport;

import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;

/**
 * Watches jobs without executors, which Spark lets wait forever. After {@value #SAY_SECONDS}
 * seconds it reports what the job waits for. It cancels jobs whose executors die one after another
 * and, once the command is to end, jobs that wait for an executor.
 */
public final class ExecutorWatch implements AutoCloseable {
  private static final int SAY_SECONDS = 15;

  /** Factor by which the pause grows after each report. */
  private static final int RARER = 8;

  /** Seconds without executors after which a command that is to end stops waiting. */
  private static final int ALONE_SECONDS = 3;

  /** Executors lost without a task that succeeded in between. */
  private static final int LOST = 10;

  /** Reasons of executors that the application itself released. */
  private static final Pattern LET_GO =
      Pattern.compile("(?i).*(killed by driver|decommission|idle).*");

  private static final String TAGS = "spark.job.tags";

  private final SparkContext spark;
  private final Optional<String> tag;
  private final Consumer<String> says;
  private final Listener listener = new Listener();
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "avatarl-executors");
            thread.setDaemon(true);
            return thread;
          });
  private volatile boolean ending;

  // Only used by the timer's thread.
  private int alone;
  private int next = SAY_SECONDS;

  private ExecutorWatch(SparkContext spark, Optional<String> tag, Consumer<String> says) {
    this.spark = spark;
    this.tag = tag;
    this.says = says;
  }

  /**
   * Starts to watch; does nothing under a local master, which has no executors.
   *
   * @param tag of the jobs to watch; empty: all
   * @param says gets each line, on a separate thread
   */
  public static ExecutorWatch over(
      SparkContext spark, Optional<String> tag, Consumer<String> says) {
    ExecutorWatch watch = new ExecutorWatch(spark, tag, says);
    if (!spark.isLocal()) {
      spark.addSparkListener(watch.listener);
      watch.clock.scheduleAtFixedRate(watch::look, 1, 1, TimeUnit.SECONDS);
    }
    return watch;
  }

  /** From now on, cancels jobs that wait for an executor. */
  public void ending() {
    ending = true;
  }

  private void look() {
    try {
      boolean waits = !listener.jobs.isEmpty() && executors() == 0;
      alone = waits ? alone + 1 : 0;
      if (!waits) {
        next = SAY_SECONDS;
      } else if (alone == next) {
        says.accept(waiting(spark.getConf(), alone));
        next *= RARER;
      }
      if (ending && alone >= ALONE_SECONDS) {
        cancel("no executor is there to go on");
      } else if (listener.lost.get() >= LOST && !listener.jobs.isEmpty()) {
        cancel(JobThread.verdict(listener.verdict()));
      }
    } catch (RuntimeException e) {
      // The context is stopping, and so is this watch.
      if (spark.isStopped()) {
        clock.shutdown();
      }
    }
  }

  /** Number of executors, without the driver. */
  private int executors() {
    return spark.statusTracker().getExecutorInfos().length - 1;
  }

  private void cancel(String reason) {
    listener.jobs.forEach(job -> spark.cancelJob(job, reason));
  }

  /** Describes what was requested from a cluster that has not given any executors. */
  static String waiting(SparkConf conf, int seconds) {
    String master = conf.get("spark.master");
    String cores = conf.get("spark.executor.cores", "");
    String gpus = conf.get("spark.executor.resource.gpu.amount", "");
    String asked =
        conf.get("spark.executor.memory", "1g")
            + " of memory"
            + (cores.isEmpty() ? "" : ", " + cores + (cores.equals("1") ? " core" : " cores"))
            + (gpus.isEmpty() ? "" : ", " + gpus + (gpus.equals("1") ? " GPU" : " GPUs"));
    String where;
    if (master.startsWith("yarn")) {
      where =
          "the resource manager's page shows whether the queue "
              + conf.get("spark.yarn.queue", "default")
              + " has room";
    } else if (master.startsWith("k8s")) {
      where =
          "kubectl get pods -n "
              + conf.get("spark.kubernetes.namespace", "default")
              + " -l spark-role=executor shows why none starts";
    } else {
      where = "the master's page shows which workers live and what they have free";
    }
    return String.format(
        "waiting for executors for %d s, and %s has given none (asked for %s each): %s;"
            + " --executor-memory and --executor-cores ask for less",
        seconds, master, asked, where);
  }

  @Override
  public void close() {
    clock.shutdownNow();
    if (!spark.isStopped()) {
      spark.removeSparkListener(listener);
    }
  }

  /** What happens to jobs and executors. */
  private final class Listener extends SparkListener {
    private final Set<Integer> jobs = ConcurrentHashMap.newKeySet();
    private final AtomicInteger lost = new AtomicInteger();
    private volatile String last = "";

    @Override
    public void onJobStart(SparkListenerJobStart start) {
      String tags = start.properties() == null ? "" : start.properties().getProperty(TAGS, "");
      if (tag.isEmpty() || tags.contains(tag.get())) {
        jobs.add(start.jobId());
      }
    }

    @Override
    public void onJobEnd(SparkListenerJobEnd end) {
      jobs.remove(end.jobId());
    }

    @Override
    public void onTaskEnd(SparkListenerTaskEnd end) {
      if (end.taskInfo() != null && end.taskInfo().successful()) {
        lost.set(0);
      }
    }

    @Override
    public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
      String reason = String.valueOf(removed.reason()).lines().findFirst().orElse("");
      if (!LET_GO.matcher(reason).matches()) {
        last = "executor " + removed.executorId() + ": " + reason;
        lost.incrementAndGet();
      }
    }

    String verdict() {
      return String.format(
          "executors died one after another (%d since a task succeeded), at last %s; its log says"
              + " why. Exit codes 52 and 137 are memory, 53 is a local folder that is full or"
              + " cannot"
              + " be written (spark.local.dir)",
          lost.get(), last);
    }
  }
}
