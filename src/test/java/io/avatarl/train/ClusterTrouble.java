package io.avatarl.train;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * A Spark plugin for executors in processes of their own: it kills one of them in the middle of a
 * task, or holds tasks up so that others wait for executors.
 */
public final class ClusterTrouble implements SparkPlugin {
  /** Folder for the mark that one executor has been killed; absent: none is. */
  public static final String KILL = "spark.avatarl.test.kill";

  /** Milliseconds that one task in five sleeps; absent: none does. */
  static final String DELAY = "spark.avatarl.test.delay";

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
      private long delay;

      @Override
      public void init(PluginContext context, Map<String, String> ignored) {
        kill = context.conf().get(KILL, "");
        delay = context.conf().getLong(DELAY, 0);
      }

      @Override
      public void onTaskStart() {
        int before = tasks.getAndIncrement();
        try {
          if (!kill.isEmpty() && before >= BEFORE && first(Path.of(kill, "killed"))) {
            long self = ProcessHandle.current().pid();
            new ProcessBuilder("kill", "-9", Long.toString(self)).start();
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

  private static boolean first(Path mark) throws IOException {
    try {
      Files.createFile(mark);
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }
}
