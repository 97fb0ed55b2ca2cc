package io.avatarl.jobs;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.FaultyProxy.Fault;
import io.avatarl.S3Server;
import io.avatarl.config.UserError;
import io.avatarl.files.Storage;
import io.avatarl.spark.Rollouts;
import io.avatarl.train.HiddenLibrary;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.s3a.impl.AWSClientConfig;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** The commands with everything on {@code s3a://}, against a server that checks signatures. */
@EnabledIf("io.avatarl.S3Server#clientIsHere")
class S3Test {
  private static final String HOME = "s3a://" + S3Server.BUCKET + "/";
  private static final String CORPUS = HOME + "play.txt";
  private static final String[] MORE = {
    "--set", "steps=8", "--set", "rolloutTable.every=2", "--set", "checkpoint.keep=2"
  };

  @TempDir private static Path folder;
  private static S3Server server;
  private static SparkSession spark;
  private static Storage storage;
  private static String preset;
  private static String expected;

  @BeforeAll
  static void start() throws Exception {
    server = new S3Server();
    server.create("wrong");
    Map<String, String> settings = server.settingsWithKeys();
    settings.put("spark.hadoop.fs.s3a.bucket.denied.secret.key", "another");
    settings.put("spark.hadoop.fs.s3a.bucket.wrong.committer.name", "magick");
    // The least is 15 seconds otherwise.
    AWSClientConfig.setMinimumOperationDuration(Duration.ZERO);
    settings.put("spark.hadoop.fs.s3a.connection.timeout", "1s");
    spark = TinyTraining.spark("local[2]", settings);
    storage = new Storage(spark.sparkContext().hadoopConfiguration());
    Path corpus = TinyTraining.corpus(folder);
    storage.writeBytes(CORPUS, Files.readAllBytes(corpus));
    preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET).toString();
    Path local = folder.resolve("local");
    CommandResult.train(arguments(corpus.toString(), local.toString())).succeeds();
    expected = sha256(Files.readString(local.resolve("summary.json")));
  }

  @AfterAll
  static void stop() throws Exception {
    AWSClientConfig.resetMinimumOperationDuration();
    spark.stop();
    server.close();
  }

  @AfterEach
  void heal() {
    server.proxy().plan(request -> Fault.NONE);
  }

  private static String[] arguments(String corpus, String out) {
    List<String> all =
        new ArrayList<>(List.of("--preset", preset, "--corpus", corpus, "--out", out));
    all.addAll(List.of(MORE));
    return all.toArray(String[]::new);
  }

  private static String sha256(String summary) throws IOException {
    return new ObjectMapper().readTree(summary).path("weights_sha256").asText();
  }

  @Test
  void trainedKilledResumedAndRead() throws Exception {
    String run = HOME + "runs/1";
    Path log = folder.resolve("killed.txt");
    Process killed = inAnotherJvm(run, log);
    try {
      while (killed.isAlive() && !storage.exists(run + "/checkpoints/step-000002/trainer.json")) {
        Thread.sleep(20);
      }
    } finally {
      killed.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    }
    assertNotEquals(0, killed.exitValue(), Files.readString(log));
    assertFalse(storage.exists(run + "/summary.json"), Files.readString(log));

    List<CommandResult> outcomes = new ArrayList<>();
    outcomes.add(CommandResult.train("--resume", "--out", run).succeeds());
    assertThat(outcomes.get(0).out()).contains("resumed    after step");
    assertEquals(expected, sha256(storage.readString(run + "/summary.json")));
    CommandResult evaluated = CommandResult.evaluate(run).succeeds();
    assertThat(evaluated.out()).contains("weights_sha256         " + expected);
    CommandResult sampled =
        CommandResult.sample(run, "--tokens", "20", "--prompt", "the ").succeeds();
    assertThat(sampled.out()).startsWith("the ");
    CommandResult queried =
        CommandResult.rollouts(
                run, "--sql", "SELECT count(DISTINCT step) AS n FROM rollouts", "--json")
            .succeeds();
    assertThat(queried.out()).contains("{\"n\":5}");
    assertEquals(List.of(1L, 2L, 4L, 6L, 8L), Rollouts.steps(spark, run));
    assertThat(storage.readString(run + "/rollouts/step=8/_SUCCESS"))
        .contains("\"committer\":\"magic\"");
    assertEquals(List.of(), server.uploads());
    // Readers that know nothing of this project see the same rows.
    assertEquals(
        Rollouts.read(spark, run).count(), spark.read().parquet(run + "/rollouts").count());
    outcomes.add(CommandResult.report(run, "--html", HOME + "report.html").succeeds());
    outcomes.addAll(List.of(evaluated, sampled, queried));

    // Whoever is told of the run is not told of the keys.
    outcomes.forEach(outcome -> assertNoKeys(outcome.out() + outcome.err()));
    assertNoKeys(Files.readString(log));
    int files = 0;
    for (RemoteIterator<LocatedFileStatus> all =
            FileSystem.get(new java.net.URI(HOME), spark.sparkContext().hadoopConfiguration())
                .listFiles(new org.apache.hadoop.fs.Path(HOME), true);
        all.hasNext();
        files++) {
      String file = all.next().getPath().toString();
      assertFalse(file.endsWith(".tmp"), file);
      assertNoKeys(new String(storage.readBytes(file), ISO_8859_1));
    }
    assertTrue(files > 20, files + " files");
  }

  private static void assertNoKeys(String text) {
    assertThat(text).doesNotContain(S3Server.KEY);
    assertThat(text).doesNotContain(S3Server.SECRET);
  }

  /** Training as on a machine of its own; the keys come from its environment. */
  private static Process inAnotherJvm(String run, Path log) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("--add-opens="))
        .forEach(command::add);
    command.addAll(
        List.of(
            "-Xmx1g",
            "-cp",
            System.getProperty("java.class.path"),
            "-Dlog4j2.configurationFile=conf/log4j2.properties",
            "-Dai.djl.offline=true",
            "-Dspark.master=local[2]",
            "-Dspark.ui.enabled=false",
            "-Dspark.eventLog.enabled=false"));
    server.settings().forEach((key, value) -> command.add("-D" + key + "=" + value));
    command.add(TrainJob.class.getName());
    command.addAll(List.of(arguments(CORPUS, run)));
    ProcessBuilder process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    process.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    process.environment().put("AWS_ACCESS_KEY_ID", S3Server.KEY);
    process.environment().put("AWS_SECRET_ACCESS_KEY", S3Server.SECRET);
    return process.start();
  }

  @Test
  void credentialsThatExpireEndARunInALine() throws Exception {
    String run = HOME + "runs/expired";
    AtomicBoolean expired = new AtomicBoolean();
    server
        .proxy()
        .plan(
            request -> {
              if (request.contains("checkpoints/step-000004/")) {
                expired.set(true);
              }
              return expired.get() ? Fault.EXPIRED : Fault.NONE;
            });
    CommandResult outcome = CommandResult.train(arguments(CORPUS, run));
    assertEquals(2, outcome.code(), outcome.err());
    List<String> errors = outcome.err().lines().filter(line -> !line.startsWith("step ")).toList();
    assertEquals(1, errors.size(), outcome.err());
    assertTrue(errors.get(0).startsWith("error: Cannot "), outcome.err());
    assertTrue(
        errors
            .get(0)
            .matches(".*(the credentials have expired|with expired credentials); renew them.*"),
        outcome.err());
    heal();
    CommandResult resumed = CommandResult.train("--resume", "--out", run).succeeds();
    assertThat(resumed.out()).contains("resumed    after step 2");
    assertEquals(expected, sha256(storage.readString(run + "/summary.json")));
  }

  /** A busy server, uploads and reads that break, slow reads, and some that never end. */
  private static final class Faults implements Function<String, Fault> {
    private int requests;
    private int reads;
    private int writes;

    @Override
    public Fault apply(String request) {
      if (++requests % 14 == 0) {
        return Fault.BUSY;
      }
      if (request.startsWith("PUT ")) {
        return ++writes % 12 == 0 ? Fault.CUT_UPLOAD : Fault.NONE;
      }
      // An object's bytes, not a listing.
      if (request.startsWith("GET ") && !request.contains("list-type")) {
        return switch (++reads % 12) {
          case 0 -> Fault.STALL;
          case 3, 9 -> Fault.SLOW;
          case 6 -> Fault.CUT;
          default -> Fault.NONE;
        };
      }
      return Fault.NONE;
    }
  }

  @Test
  void faultsOnTheWayChangeNothing() throws Exception {
    server.proxy().plan(new Faults());
    String run = HOME + "runs/faults";
    CommandResult.train(arguments(CORPUS, run)).succeeds();
    assertEquals(expected, sha256(storage.readString(run + "/summary.json")));
    CommandResult evaluated = CommandResult.evaluate(run).succeeds();
    assertThat(evaluated.out()).contains("weights_sha256         " + expected);
    assertTrue(server.proxy().count(Fault.BUSY) > 10, "503s");
    assertTrue(server.proxy().count(Fault.CUT) > 2, "cut connections");
    assertTrue(server.proxy().count(Fault.CUT_UPLOAD) > 2, "uploads that break");
    assertTrue(server.proxy().count(Fault.SLOW) > 2, "slow reads");
    assertTrue(server.proxy().count(Fault.STALL) > 2, "reads that end in a timeout");
    assertEquals(List.of(), server.uploads());
    assertEquals(List.of(1L, 2L, 4L, 6L, 8L), Rollouts.steps(spark, run));
  }

  /** The uploads of a step that is given up are not left for the bucket's owner to pay for. */
  @Test
  void cancelledWithinAStepItLeavesNoUploads() throws Exception {
    String[] more = {"--set", "learner.placement=executors", "--set", "learner.updatesPerStep=3"};
    AtomicInteger pending = new AtomicInteger();
    SparkListener listener =
        new SparkListener() {
          @Override
          public void onJobStart(SparkListenerJobStart start) {
            String job = start.properties().getProperty("spark.job.description", "");
            if (job.startsWith("step 4: update 3 of 3") && pending.get() == 0) {
              pending.set(server.uploads().size());
              spark.sparkContext().cancelAllJobs();
            }
          }
        };
    String run = HOME + "runs/cancelled";
    spark.sparkContext().addSparkListener(listener);
    try {
      CommandResult.train(with(arguments(CORPUS, run), more)).succeeds();
    } finally {
      spark.sparkContext().removeSparkListener(listener);
    }
    assertTrue(pending.get() > 0, "no uploads to abort");
    // A task that was on its way finds out by itself.
    for (int tries = 0; tries < 100 && !server.uploads().isEmpty(); tries++) {
      Thread.sleep(100);
    }
    assertEquals(List.of(), server.uploads());
    assertFalse(storage.exists(run + "/summary.json"));
    assertFalse(storage.exists(run + "/rollouts/step=4/_SUCCESS"));
    CommandResult.train("--resume", "--out", run).succeeds();
    String whole = folder.resolve("executors").toString();
    CommandResult.train(with(arguments(CORPUS, whole), more)).succeeds();
    assertEquals(
        sha256(Files.readString(Path.of(whole, "summary.json"))),
        sha256(storage.readString(run + "/summary.json")));
    assertEquals(List.of(), server.uploads());
    assertEquals(List.of(1L, 2L, 4L, 6L, 8L), Rollouts.steps(spark, run));
  }

  @Test
  void aDeltaTable() {
    String run = HOME + "runs/delta";
    String[] delta = {"--set", "rolloutTable.format=delta", "--set", "steps=1"};
    CommandResult.train(with(arguments(CORPUS, run), delta)).succeeds();
    assertEquals(firstStep(folder.resolve("local").toString()), firstStep(run));
    assertEquals(List.of(), server.uploads());
  }

  private static List<String> firstStep(String run) {
    return TinyTraining.sorted(Rollouts.read(spark, run).where("step = 1"));
  }

  private static String[] with(String[] arguments, String... more) {
    return Stream.concat(Stream.of(arguments), Stream.of(more)).toArray(String[]::new);
  }

  @Test
  void aStoreThatStaysBusyIsAnErrorAndNoHalfFile() {
    server.proxy().plan(request -> request.startsWith("PUT ") ? Fault.BUSY : Fault.NONE);
    Configuration impatient = new Configuration(spark.sparkContext().hadoopConfiguration());
    impatient.set("fs.s3a.impl.disable.cache", "true");
    impatient.set("fs.s3a.attempts.maximum", "1");
    impatient.set("fs.s3a.retry.limit", "1");
    impatient.set("fs.s3a.retry.throttle.limit", "1");
    assertThrows(
        UncheckedIOException.class,
        () -> new Storage(impatient).writeString(HOME + "busy.txt", "text"));
    assertFalse(storage.exists(HOME + "busy.txt"));
  }

  @Test
  void mistakesAreOneLine() {
    CommandResult.train(arguments(CORPUS, "s3a://nosuchbucket/run"))
        .refuses("s3a://nosuchbucket/run", "no such bucket");
    CommandResult.train(arguments("s3a://nosuchbucket/x.txt", HOME + "none"))
        .refuses("no such bucket");
    CommandResult.train(arguments(CORPUS, "s3a://wrong/run"))
        .refuses("fs.s3a.committer.name = magick", "magic, directory");
    CommandResult.evaluate("s3a://nosuchbucket/run").refuses("no such bucket");
    CommandResult.train(arguments(CORPUS, "s3a://denied/run"))
        .refuses("s3a://denied/run", "the store refuses the credentials", "AWS_SECRET_ACCESS_KEY");
    CommandResult.train(arguments("s3a://denied/x.txt", HOME + "none"))
        .refuses("the store refuses the credentials");
    CommandResult.train(arguments(HOME + "none.txt", HOME + "none"))
        .refuses("none.txt", "no such file");
    assertFalse(storage.exists(HOME + "none"));
  }

  @Test
  void keysInAPathAreRefusedAndNotRepeated() {
    String path = "s3a://" + S3Server.KEY + ":" + S3Server.SECRET + "@avatarl/x.txt";
    for (CommandResult outcome :
        List.of(
            CommandResult.train(arguments(path, HOME + "none")),
            CommandResult.train(arguments(CORPUS, path)),
            CommandResult.evaluate(path))) {
      outcome.refuses("s3a://***@avatarl/x.txt", "must not hold credentials");
      assertNoKeys(outcome.err());
    }
  }

  @Test
  void withoutTheLibraryItSaysWhatToAdd() throws IOException {
    UserError error =
        HiddenLibrary.hide(
            "org.apache.hadoop.fs.s3a.",
            () ->
                assertThrows(
                    UserError.class,
                    () -> new Storage(new Configuration()).exists("s3a://elsewhere/x")));
    String message = error.getMessage();
    assertThat(message).contains("; add --packages org.apache.hadoop:hadoop-aws:");
    String pom = Files.readString(Path.of("pom.xml"));
    for (String property : List.of("hadoop.version", "aws.sdk.version")) {
      String version = pom.replaceAll("(?s).*?<" + property + ">(.*?)</" + property + ">.*", "$1");
      assertThat(message).contains(":" + version);
    }
  }
}
