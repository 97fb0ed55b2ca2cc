package io.avatarl.train;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.TaskContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * A Spark plugin for executors in processes of their own: it ends one of them in the middle of a
 * task, lets those that come after it die, or holds tasks up so that others wait for executors.
 */
public final class ClusterTrouble implements SparkPlugin {
  /** Folder for the mark that one executor has been killed; absent: none is. */
  public static final String KILL = "spark.avatarl.test.kill";

  /** What ends that executor, a signal's name; without it KILL. PWR: Spark decommissions it. */
  public static final String SIGNAL = "spark.avatarl.test.signal";

  /** Begin of the description of the job whose task that is; without it, any. */
  public static final String JOB = "spark.avatarl.test.job";

  /** Present: executors that start after that end with this exit code. */
  public static final String DIE = "spark.avatarl.test.die";

  /** Milliseconds that one task in five sleeps; absent: none does. */
  public static final String DELAY = "spark.avatarl.test.delay";

  /** Tasks that the executor to be killed has begun before. */
  private static final int BEFORE = 4;

  @Override
  public DriverPlugin driverPlugin() {
    return null;
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new ExecutorPlugin() {
      private final AtomicInteger tasks = new AtomicInteger();
      private String kill;
      private String signal;
      private String job;
      private long delay;

      @Override
      public void init(PluginContext context, Map<String, String> ignored) {
        kill = context.conf().get(KILL, "");
        job = context.conf().get(JOB, "");
        signal = context.conf().get(SIGNAL, "KILL");
        int die = context.conf().getInt(DIE, 0);
        if (die != 0 && Files.exists(Path.of(kill, "killed"))) {
          Runtime.getRuntime().halt(die);
        }
        delay = context.conf().getLong(DELAY, 0);
      }

      @Override
      public void onTaskStart() {
        int before = tasks.getAndIncrement();
        try {
          if (!kill.isEmpty()
              && before >= BEFORE
              && description().startsWith(job)
              && first(Path.of(kill, "killed"))) {
            long self = ProcessHandle.current().pid();
            new ProcessBuilder("kill", "-" + signal, Long.toString(self)).start();
          }
          if (delay > 0 && before % 5 == 4) {
            Thread.sleep(delay);
          }
        } catch (IOException | InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
    };
  }

  private static String description() {
    return String.valueOf(TaskContext.get().getLocalProperty("spark.job.description"));
  }

  private static boolean first(Path mark) throws IOException {
    try {
      Files.createFile(mark);
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }
}
