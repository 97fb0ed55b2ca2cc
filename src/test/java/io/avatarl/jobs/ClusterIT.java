package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.FaultyProxy.Fault;
import io.avatarl.PythonVenv;
import io.avatarl.S3Server;
import io.avatarl.files.Storage;
import io.avatarl.train.ClusterTrouble;
import io.avatarl.train.FinishedRun;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.hadoop.util.VersionInfo;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The job's jar, submitted by the scripts to executors in processes of their own: the same weights
 * as in one JVM.
 */
class ClusterIT {
  private static final int MINUTES = 8;
  private static final String EXECUTORS = "learner.placement=executors";

  @TempDir static Path folder;
  private static Path corpus;
  private static Path preset;
  private static Path reference;
  private static Path onExecutors;

  @BeforeAll
  static void train() throws IOException {
    corpus = TinyTraining.corpus(folder);
    preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    SparkSession spark = FinishedRun.spark();
    try {
      reference = FinishedRun.of(spark, folder);
      Path other = Files.createDirectory(folder.resolve("executors"));
      onExecutors = FinishedRun.of(spark, other, EXECUTORS, "rolloutTable.every=2");
    } finally {
      spark.stop();
    }
  }

  @Test
  void localCluster() throws Exception {
    Path run = folder.resolve("local-cluster");
    submit(run, List.of(), "--master", "local-cluster[2,1,1024]");
    assertSameWeights(run);
  }

  /** Names are relative to the user's folder, and executors have others. */
  @Test
  void relativeNames() throws Exception {
    Path mine = Files.createDirectory(folder.resolve("mine"));
    Files.copy(corpus, mine.resolve("play.txt"));
    String commands =
        """
        cd "$1"
        "$2/tokenize.sh" $3 --corpus play.txt --out tokens
        "$2/train.sh" $3 --preset "$4" --corpus tokens --set corpus.memory=0 --out runs/a
        "$2/generate.sh" runs/a $3 --prompts play.txt --samples 2 --tokens 2 --out drawn
        """;
    String jobs = Path.of("jobs").toAbsolutePath().toString();
    String cluster = "--master local-cluster[2,1,1024] --driver-memory 1g";
    output(
        "relative.log",
        List.of("bash", "-efc", commands, "-", mine.toString(), jobs, cluster, preset.toString()));
    assertSameWeights(mine.resolve("runs/a"));
    try (SparkSession spark = FinishedRun.spark()) {
      long lines = Files.readAllLines(corpus).stream().filter(line -> !line.isEmpty()).count();
      assertEquals(2 * lines, spark.read().parquet(mine.resolve("drawn").toString()).count());
    }
  }

  /** Three workers, more than there are shards for each to get two. */
  @Test
  void standaloneClusterThatIsGoneAfterwards() throws Exception {
    Path run = folder.resolve("standalone");
    String out = submit(run, List.of("jobs/standalone.sh", "--workers", "3"));
    assertThat(out).contains("workers: 3 of 1 core(s)");
    assertSameWeights(run);
    assertGone(out);
  }

  /**
   * SIGTERM, which the script treats as it treats Ctrl-C (what a build in the background starts
   * ignores that one).
   */
  @Test
  void aClusterThatIsToldToEndIsGoneAsWell() throws Exception {
    Path log = folder.resolve("interrupted.log");
    Process process = start(log, List.of("jobs/standalone.sh", "--workers", "1", "sleep", "1000"));
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(MINUTES);
    while (!Files.readString(log).contains("workers: 1")) {
      assertTrue(process.isAlive() && System.nanoTime() < end, Files.readString(log));
      Thread.sleep(100);
    }
    process.destroy();
    assertTrue(PythonVenv.ends(process, MINUTES, TimeUnit.MINUTES));
    assertEquals(143, process.exitValue());
    assertGone(Files.readString(log));
  }

  private static String address(String out) {
    String address = out.replaceAll("(?s).*master (spark://127.0.0.1:\\d+),.*", "$1");
    assertTrue(address.matches("spark://127.0.0.1:\\d+"), out);
    return address;
  }

  private static void assertGone(String out) throws IOException {
    String address = address(out);
    assertEquals(
        0,
        ProcessHandle.allProcesses()
            .filter(p -> p.info().commandLine().orElse("").contains(address))
            .count());
    try (var left = Files.list(folder.resolve("tmp"))) {
      assertEquals(
          List.of(), left.filter(p -> p.toString().contains("avatarl-standalone")).toList());
    }
  }

  /** A worker is killed, and its executor with it, in the middle of a step. */
  @Test
  void aWorkerThatIsKilledChangesNothing() throws Exception {
    Path run = folder.resolve("worker");
    Path log = folder.resolve("worker.log");
    List<String> command =
        new ArrayList<>(List.of("jobs/standalone.sh", "--workers", "2", "jobs/train.sh"));
    command.addAll(
        conf(
            "spark.plugins=" + ClusterTrouble.class.getName(),
            ClusterTrouble.DELAY + "=1500", // so that there is a middle
            "spark.driver.extraClassPath=" + testClasses(),
            "spark.executor.extraClassPath=" + testClasses()));
    command.addAll(List.of("--driver-memory", "1g", "--preset", preset.toString()));
    command.addAll(List.of("--corpus", corpus.toString(), "--out", run.toString()));
    Process process = start(log, command);
    try {
      long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(MINUTES);
      while (!Files.exists(run.resolve("checkpoints/step-000002/trainer.json"))) {
        assertTrue(process.isAlive() && System.nanoTime() < end, Files.readString(log));
        Thread.sleep(20);
      }
      String address = address(Files.readString(log));
      ProcessHandle.allProcesses()
          .filter(p -> p.info().commandLine().orElse("").matches("(?s).*worker.Worker.*" + address))
          .findFirst()
          .orElseThrow()
          .destroyForcibly();
      assertTrue(PythonVenv.ends(process, MINUTES, TimeUnit.MINUTES));
      assertEquals(0, process.exitValue(), Files.readString(log));
      assertSameWeights(run);
    } finally {
      process.destroy();
    }
  }

  /** The driver runs on a worker; who submitted it is told what becomes of it. */
  @Test
  void aDriverInTheClusterIsReportedOn() throws Exception {
    Path run = folder.resolve("in-the-cluster");
    List<String> command =
        new ArrayList<>(List.of("jobs/standalone.sh", "--cores", "2", "jobs/train.sh"));
    command.addAll(conf("spark.standalone.submit.waitAppCompletion=true"));
    command.addAll(List.of("--deploy-mode", "cluster", "--driver-memory", "1g"));
    command.addAll(List.of("--preset", preset.toString(), "--corpus", corpus.toString()));
    command.addAll(List.of("--out", run.toString()));
    String out = output("in-the-cluster.log", command);
    assertThat(out).contains("Driver successfully submitted as driver-", "FINISHED");
    assertSameWeights(run);
  }

  /**
   * Executors write rollouts into a store that is busy at times, each with a client of its own;
   * there are several attempts at a task at once, and one executor dies.
   */
  @Test
  void corpusAndRunOnS3() throws Exception {
    assumeTrue(
        System.getProperty("avatarl.spark").equals("4.0"),
        "Hadoop 3.3's client for S3 asks for a retired AWS SDK");
    Path jars = Path.of(System.getProperty("avatarl.build"), "spark-home/jars");
    assumeTrue(
        Files.exists(jars.resolve("hadoop-aws-" + VersionInfo.getVersion() + ".jar")),
        "the client for S3 did not come with the build");
    String home = "s3a://" + S3Server.BUCKET + "/";
    String run = home + "runs/1";
    try (S3Server server = new S3Server()) {
      Storage storage = new Storage(server.client());
      storage.writeBytes(home + "play.txt", Files.readAllBytes(corpus));
      List<String> settings = new ArrayList<>();
      server
          .settings()
          .forEach((key, value) -> settings.addAll(List.of("--conf", key + "=" + value)));
      Path events = Files.createDirectories(folder.resolve("events"));
      List<String> train = new ArrayList<>(List.of("jobs/standalone.sh", "jobs/train.sh"));
      train.addAll(settings);
      train.addAll(speculation(events));
      train.addAll(anExecutorThatDies());
      AtomicInteger requests = new AtomicInteger();
      server
          .proxy()
          .plan(request -> requests.incrementAndGet() % 20 == 0 ? Fault.BUSY : Fault.NONE);
      train.addAll(List.of("--driver-memory", "1g", "--set", "rolloutTable.every=2"));
      train.addAll(List.of("--set", EXECUTORS));
      train.addAll(List.of("--preset", preset.toString()));
      train.addAll(List.of("--corpus", home + "play.txt", "--out", run));
      output("s3-train.log", train);
      String expected = summary(onExecutors).path("weights_sha256").asText();
      JsonNode summary = new ObjectMapper().readTree(storage.readBytes(run + "/summary.json"));
      assertEquals(expected, summary.path("weights_sha256").asText());
      assertTrue(Files.exists(folder.resolve("killed")));
      assertTrue(server.proxy().count(Fault.BUSY) > 10);
      assertTrue(secondAttempts(events, false) > 0); // where tables are written, too
      assertEquals(List.of(), server.uploads());
      try (SparkSession spark = TinyTraining.spark("local[2]", server.settingsWithKeys())) {
        List<String> rows = rows(spark, onExecutors.toString());
        assertTrue(rows.size() > 100, rows.size() + " rows");
        assertEquals(rows, rows(spark, run));
      }

      List<String> evaluate = new ArrayList<>(List.of("jobs/evaluate.sh", run));
      evaluate.addAll(settings);
      String evaluated = output("s3-evaluate.log", evaluate);
      assertThat(evaluated).contains(expected);
      List<String> sample = new ArrayList<>(List.of("jobs/sample.sh", run, "--tokens", "20"));
      sample.addAll(List.of("--prompt", "the "));
      sample.addAll(settings);
      String sampled = output("s3-sample.log", sample);
      assertThat(sampled).contains("the ");
    }
  }

  /** Second attempts in both stages of an update: where gradients are made, and where they meet. */
  @Test
  void secondAttemptsWhereGradientsMeetChangeNothing() throws Exception {
    Path events = Files.createDirectories(folder.resolve("speculation"));
    Path run = folder.resolve("speculated");
    List<String> options = new ArrayList<>(speculation(events));
    options.addAll(
        conf(
            "spark.plugins=" + ClusterTrouble.class.getName(),
            ClusterTrouble.DELAY + "=500",
            "spark.driver.extraClassPath=" + testClasses(),
            "spark.executor.extraClassPath=" + testClasses()));
    options.addAll(List.of("--set", EXECUTORS, "--set", "rolloutTable.every=2"));
    submit(run, List.of("jobs/standalone.sh", "--workers", "3"), options.toArray(String[]::new));
    assertSameWeights(onExecutors, run);
    assertTrue(secondAttempts(events, false) > 0);
    assertTrue(secondAttempts(events, true) > 0);
  }

  /** Settings under which Spark starts a second attempt at a task as soon as a core is free. */
  private static List<String> speculation(Path events) {
    return conf(
        "spark.speculation=true",
        "spark.speculation.interval=5ms",
        "spark.speculation.multiplier=1",
        "spark.speculation.quantile=0.1",
        "spark.speculation.minTaskRuntime=0",
        "spark.eventLog.enabled=true",
        "spark.eventLog.compress=false",
        "spark.eventLog.rolling.enabled=false",
        "spark.eventLog.dir=" + events.toUri());
  }

  private static List<String> conf(String... settings) {
    return Stream.of(settings).flatMap(setting -> Stream.of("--conf", setting)).toList();
  }

  /** What is not in the job's jar. */
  private static Path testClasses() {
    return Path.of(System.getProperty("avatarl.build"), "test-classes").toAbsolutePath();
  }

  private static List<String> rows(SparkSession spark, String run) {
    return TinyTraining.sorted(spark.read().parquet(run + "/rollouts"));
  }

  /** An executor is killed in a task; the class that does it is not in the job's jar. */
  private static List<String> anExecutorThatDies() {
    return conf(
        "spark.plugins=" + ClusterTrouble.class.getName(),
        ClusterTrouble.KILL + "=" + folder,
        "spark.driver.extraClassPath=" + testClasses(),
        "spark.executor.extraClassPath=" + testClasses());
  }

  /**
   * By Spark's event log: second attempts at tasks of updates.
   *
   * @param sums of the stage that adds gradients, and not of the one that makes them
   */
  private static int secondAttempts(Path events, boolean sums) throws IOException {
    ObjectMapper json = new ObjectMapper();
    Set<Integer> stages = new HashSet<>();
    int second = 0;
    Path log;
    try (var files = Files.list(events)) {
      log =
          files
              .filter(f -> f.getFileName().toString().startsWith("app-"))
              .findFirst()
              .orElseThrow();
    }
    for (String line : Files.readAllLines(log)) {
      JsonNode event = json.readTree(line);
      String kind = event.path("Event").asText();
      String job = event.path("Properties").path("spark.job.description").asText();
      JsonNode stage = event.path("Stage Info");
      if (kind.equals("SparkListenerStageSubmitted")
          && job.contains(": update ")
          && sums == !stage.path("Parent IDs").isEmpty()) {
        stages.add(stage.path("Stage ID").asInt());
      }
      if (kind.equals("SparkListenerTaskStart")
          && event.path("Task Info").path("Speculative").asBoolean()
          && stages.contains(event.path("Stage ID").asInt())) {
        second++;
      }
    }
    assertFalse(stages.isEmpty());
    return second;
  }

  @Test
  void theExitCodeIsTheCommands() throws Exception {
    Process process = new ProcessBuilder("jobs/standalone.sh", "--workers", "0", "true").start();
    assertEquals(2, process.waitFor());
  }

  /** Trains by the script; what it said. */
  private static String submit(Path run, List<String> before, String... options)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(before);
    command.add("jobs/train.sh");
    command.addAll(List.of(options));
    command.addAll(
        List.of(
            "--driver-memory", "1g",
            "--preset", preset.toString(),
            "--corpus", corpus.toString(),
            "--out", run.toString()));
    return output(run.getFileName() + ".log", command);
  }

  /** Runs a command that must succeed. */
  private static String output(String name, List<String> command)
      throws IOException, InterruptedException {
    Path log = folder.resolve(name);
    Process process = start(log, command);
    boolean ended = PythonVenv.ends(process, MINUTES, TimeUnit.MINUTES);
    String out = Files.readString(log);
    assertTrue(ended, out);
    assertEquals(0, process.exitValue(), out);
    return out;
  }

  private static Process start(Path log, List<String> command) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("AWS_ACCESS_KEY_ID", S3Server.KEY);
    builder.environment().put("AWS_SECRET_ACCESS_KEY", S3Server.SECRET);
    builder.environment().remove("SPARK_HOME");
    builder.environment().put("AVATARL_SPARK", System.getProperty("avatarl.spark"));
    builder.environment().put("TMPDIR", Files.createDirectories(folder.resolve("tmp")).toString());
    return builder.start();
  }

  private static void assertSameWeights(Path run) throws IOException {
    assertSameWeights(reference, run);
  }

  private static void assertSameWeights(Path expectedRun, Path run) throws IOException {
    JsonNode expected = summary(expectedRun);
    JsonNode summary = summary(run);
    assertEquals(expected.path("weights_sha256"), summary.path("weights_sha256"));
    assertEquals(expected.path("val_ce"), summary.path("val_ce"));
    assertEquals(64, summary.path("weights_sha256").asText().length());
  }

  private static JsonNode summary(Path run) throws IOException {
    return new ObjectMapper().readTree(run.resolve("summary.json").toFile());
  }
}
