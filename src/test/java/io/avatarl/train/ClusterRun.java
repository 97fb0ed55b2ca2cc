package io.avatarl.train;

import io.avatarl.files.Sha256;
import io.avatarl.spark.Rollouts;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerBlockUpdated;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.BlockUpdatedInfo;
import org.apache.spark.storage.BroadcastBlockId;

/**
 * A trial run whose executors are processes of their own ({@code local-cluster}). Spark finds the
 * executors' program by environment variables, so the driver is a process as well.
 */
public final class ClusterRun {
  private static final long WEIGHTS = 1 << 18;

  private ClusterRun() {}

  /** Of this JVM, as processes find it that run in other folders. */
  public static String classPath() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .map(entry -> Path.of(entry).toAbsolutePath().toString())
        .collect(Collectors.joining(File.pathSeparator));
  }

  /**
   * A JVM like this one that may start executors.
   *
   * @param folder for what they leave behind
   * @param arguments of the JVM, from its last options or its main class on
   */
  public static ProcessBuilder driver(Path folder, List<String> arguments) throws IOException {
    // Spark wants a folder of jars there; the class path below has them.
    Path home = Files.createDirectories(folder.resolve("spark-home/jars")).getParent();
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("--add-opens") || argument.startsWith("-XX:"))
        .forEach(command::add);
    command.addAll(List.of("-Xmx1g", "-cp", classPath()));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).directory(home.toFile());
    builder.environment().put("SPARK_HOME", home.toString());
    builder.environment().put("SPARK_SCALA_VERSION", "2.13");
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    return builder;
  }

  /** What a run's process says: figures by name. */
  static Map<String, String> of(
      String master, Map<String, String> settings, Path corpus, Path run, String... overrides)
      throws IOException, InterruptedException {
    List<String> arguments =
        new ArrayList<>(
            List.of(ClusterRun.class.getName(), master, corpus.toString(), run.toString()));
    settings.forEach((key, value) -> arguments.add("--conf:" + key + "=" + value));
    arguments.addAll(List.of(overrides));
    Path output = run.resolveSibling(run.getFileName() + ".txt");
    ProcessBuilder builder =
        driver(run.getParent(), arguments)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    int code = builder.start().waitFor();
    String said = Files.readString(output);
    if (code != 0) {
      throw new AssertionError("exit code " + code + ":\n" + said);
    }
    Map<String, String> figures = new HashMap<>();
    said.lines()
        .filter(line -> line.startsWith("RESULT "))
        .map(line -> line.substring("RESULT ".length()).split("=", 2))
        .forEach(pair -> figures.put(pair[0], pair[1]));
    return figures;
  }

  public static void main(String[] args)
      throws IOException, TimeoutException, InterruptedException {
    Map<String, String> settings = new HashMap<>();
    settings.put("spark.executor.extraClassPath", classPath());
    List<String> overrides = new ArrayList<>();
    Arrays.stream(args)
        .skip(3)
        .forEach(
            argument -> {
              if (argument.startsWith("--conf:")) {
                String[] pair = argument.substring("--conf:".length()).split("=", 2);
                settings.put(pair[0], pair[1]);
              } else {
                overrides.add(argument);
              }
            });
    AtomicInteger added = new AtomicInteger();
    AtomicInteger removed = new AtomicInteger();
    AtomicLong results = new AtomicLong();
    AtomicLong fetched = new AtomicLong();
    try (SparkSession spark = TinyTraining.spark(args[0], settings)) {
      spark
          .sparkContext()
          .addSparkListener(
              new SparkListener() {
                @Override
                public void onExecutorAdded(SparkListenerExecutorAdded executor) {
                  added.incrementAndGet();
                }

                @Override
                public void onExecutorRemoved(SparkListenerExecutorRemoved executor) {
                  removed.incrementAndGet();
                }

                @Override
                public void onTaskEnd(SparkListenerTaskEnd task) {
                  results.addAndGet(task.taskMetrics().resultSize());
                }

                @Override
                public void onBlockUpdated(SparkListenerBlockUpdated update) {
                  BlockUpdatedInfo block = update.blockUpdatedInfo();
                  // Larger than the tasks and the run's own text; not those that are dropped.
                  if (block.memSize() > WEIGHTS
                      && block.storageLevel().isValid()
                      && !block.blockManagerId().isDriver()
                      && block.blockId() instanceof BroadcastBlockId piece
                      && piece.field().startsWith("piece")) {
                    fetched.addAndGet(block.memSize() + block.diskSize());
                  }
                }
              });
      Summary summary =
          TinyTraining.train(
              spark, Path.of(args[1]), Path.of(args[2]), overrides.toArray(String[]::new));
      spark.sparkContext().listenerBus().waitUntilEmpty();
      System.out.println("RESULT task_results=" + results);
      System.out.println("RESULT fetched=" + fetched);
      summary
          .bytesPerStep()
          .forEach((name, bytes) -> System.out.println("RESULT " + name + "=" + bytes));
      figures(spark, Path.of(args[2]), summary)
          .forEach((name, value) -> System.out.println("RESULT " + name + "=" + value));
      if (settings.containsKey(ClusterTrouble.KILL)) {
        // One that is decommissioned hands its blocks over first, which can outlast a short run.
        await(removed);
      }
      System.out.println("RESULT added=" + added);
      System.out.println("RESULT removed=" + removed);
    }
  }

  private static void await(AtomicInteger removed) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
    while (removed.get() == 0 && System.nanoTime() < end) {
      Thread.sleep(100);
    }
  }

  /** What no cluster may change: weights, cross-entropy and the rows of the rollout tables. */
  static Map<String, String> figures(SparkSession spark, Path run, Summary summary) {
    String rows =
        Rollouts.read(spark, run.toString()).collectAsList().stream()
            .map(Row::toString)
            .sorted()
            .collect(Collectors.joining("\n"));
    return Map.of(
        "weights", summary.weightsSha256(),
        "val_ce", Double.toString(summary.valCe()),
        "rows", Long.toString(rows.lines().count()),
        "rollouts", Sha256.of(rows.getBytes(StandardCharsets.UTF_8)));
  }
}
