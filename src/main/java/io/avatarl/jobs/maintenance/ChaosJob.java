package io.avatarl.jobs.maintenance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.UserError;
import io.avatarl.files.Sha256;
import io.avatarl.jobs.Job;
import io.avatarl.jobs.TextTable;
import io.avatarl.train.RunFiles;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Kills runs, resumes them and compares their results; see {@code jobs/chaos.sh --help}. */
@Command(
    name = "jobs/chaos.sh",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Trains once undisturbed, then repeatedly with kill -9 at random moments followed by a"
            + " resume, and compares weights, scores, records and rollout tables: all must be"
            + " equal. On this machine only (Linux).",
    footer = {
      "",
      "Moments are drawn per stage (rollout, rollout write, learn, broadcast, evaluate,"
          + " checkpoint) and over the whole"
          + " life of the process. The folder of a run that differs is kept. Exit code 1 if one"
          + " differs."
    })
public final class ChaosJob implements Callable<Integer> {
  private static final int STEPS = 24;
  private static final long POLL_NANOS = 20_000;
  private static final long LIMIT_SECONDS = 300;

  /** The target of a kill: a phase, the longest time into it, and the last visit to draw from. */
  private enum Target {
    ROLLOUT("rollout", 30, 6),
    ROLLOUT_WRITE("rollout write", 8, 3),
    LEARN("learn", 25, 6),
    BROADCAST("broadcast", 1, 6),
    CHECKPOINT("checkpoint", 12, 3),
    EVALUATE("evaluate", 25, 3),
    ANY("anywhere", 0, 0);

    final String label;
    final int millis;
    final int visits;

    Target(String label, int millis, int visits) {
      this.label = label;
      this.millis = millis;
      this.visits = visits;
    }
  }

  private final PrintStream out;
  private final PrintStream err;

  @Option(
      names = "--kills",
      paramLabel = "N",
      description = "total number of kills (default: ${DEFAULT-VALUE})")
  private int kills = 20;

  @Option(
      names = "--kills-per-run",
      paramLabel = "N",
      description = "kills of one run before it may finish (default: ${DEFAULT-VALUE})")
  private int killsPerRun = 4;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "seed of the random moments (default: ${DEFAULT-VALUE})")
  private long seed = 1;

  @Mixin private PresetOptions trained;

  ChaosJob(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  public static void main(String[] args) {
    Job.main(new ChaosJob(System.out, System.err), args);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (kills < 1 || killsPerRun < 1) {
      throw new UserError("--kills and --kills-per-run must be at least 1");
    }
    Path folder = Files.createTempDirectory("avatarl-chaos");
    Path whole = folder.resolve("undisturbed");
    PhaseFile stages = new PhaseFile(folder.resolve("phases"));
    out.printf("seed %d, %d kills, runs below %s%n", seed, kills, folder);
    long start = System.nanoTime();
    if (end(start(whole, folder)) != 0) {
      throw new UserError(
          "the undisturbed run failed: " + Files.readString(folder.resolve("log")).strip());
    }
    long life = System.nanoTime() - start;
    err.printf("undisturbed run: %.1f s%n", life / 1e9);
    Random random = new Random(seed);
    TextTable table = new TextTable(100, List.of("kill", "run", "target", "stage", "step", "left"));
    List<String> failures = new ArrayList<>();
    int killed = 0;
    for (int number = 1; killed < kills; number++) {
      if (number > 2 * kills + 2) {
        throw new UserError("runs end before they can be killed; give them more --set steps");
      }
      Path run = folder.resolve("run-" + number);
      for (int i = 0; i < killsPerRun && killed < kills; i++) {
        Target target = Target.values()[(killed + number) % Target.values().length];
        stages.reset();
        Process process = start(run, folder);
        await(process, target, stages, run, life, random);
        boolean alive = process.isAlive();
        process.destroyForcibly().waitFor();
        if (!alive) {
          break; // It ended before the kill.
        }
        killed++;
        PhaseFile.Place place = stages.place();
        List<String> row =
            List.of(
                Integer.toString(killed),
                Integer.toString(number),
                target.label,
                place.stage(),
                Long.toString(place.step()),
                remains(run));
        table.add(row);
        err.println("kill " + String.join(", ", row));
      }
      int code = end(start(run, folder));
      List<String> differences =
          code == 0
              ? differences(whole, run)
              : List.of("exit code " + code + ": " + Files.readString(folder.resolve("log")));
      differences.forEach(difference -> failures.add("run " + number(run) + ": " + difference));
      if (differences.isEmpty()) {
        Job.storage().delete(run.toUri().toString());
      }
      err.printf(
          "run %d resumed to its end: %s%n",
          number, differences.isEmpty() ? "equal" : "DIFFERENT " + differences);
    }
    table.lines().forEach(out::println);
    if (failures.isEmpty()) {
      JsonNode summary = json(whole.resolve(RunFiles.SUMMARY));
      out.printf(
          "%d kills: all runs ended in weights_sha256 %s, with the same figures, %d records and"
              + " %d rollout files%n",
          killed,
          summary.path("weights_sha256").asText(),
          records(whole).size(),
          rollouts(whole).size());
      Job.storage().delete(folder.toUri().toString());
      return 0;
    }
    failures.forEach(out::println);
    return 1;
  }

  private static String number(Path run) {
    return run.getFileName().toString().replace("run-", "");
  }

  /** Starts a run's process, which begins the run or resumes it after a kill. */
  private Process start(Path run, Path folder) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String argument : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (!argument.startsWith("-javaagent") && !argument.startsWith("-Dspark.")) {
        command.add(argument);
      }
    }
    // The options given to spark-submit, without those that it added for this process.
    System.getProperties()
        .forEach(
            (key, value) -> {
              if (key.toString().matches("spark\\.(?!app\\.|submit\\.|jars|repl).*")) {
                command.add("-D" + key + "=" + value);
              }
            });
    String classes = System.getProperty("java.class.path");
    if (System.getProperty("spark.master") == null) {
      command.add("-Dspark.master=local[2]");
    }
    // What a killed process leaves there is deleted with the folder.
    command.add("-Djava.io.tmpdir=" + Files.createDirectories(folder.resolve("tmp")));
    command.add("-D" + ChaosTarget.PHASES + "=" + folder.resolve("phases"));
    command.addAll(List.of("-cp", classes));
    command.add(ChaosTarget.class.getName());
    command.addAll(List.of("--out", run.toString()));
    if (Files.exists(run.resolve(RunFiles.CONFIG))) {
      command.add("--resume");
    } else {
      command.addAll(List.of("--preset", trained.preset));
      // Frequent enough that a few steps enter every phase; a preset's cadence is for long runs.
      for (String override :
          List.of(
              "steps=" + STEPS,
              "checkpoint.every=3",
              "evaluation.every=2",
              "rolloutTable.every=2")) {
        command.addAll(List.of("--set", override));
      }
      trained.overrides.forEach(override -> command.addAll(List.of("--set", override)));
    }
    if (trained.corpus != null) {
      command.addAll(List.of("--corpus", trained.corpus));
    }
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("log").toFile())
        .start();
  }

  /** Waits until a run ends; returns its exit code. */
  private static int end(Process process) throws InterruptedException {
    if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
      return -1;
    }
    return process.exitValue();
  }

  /** Waits for the moment to kill, or until the process has ended. */
  private static void await(
      Process process, Target target, PhaseFile stages, Path run, long life, Random random) {
    if (target == Target.ANY) {
      pause(process, (long) (random.nextDouble() * life));
      return;
    }
    int visit = 1 + random.nextInt(target.visits);
    long into = (long) (random.nextDouble() * target.millis * 1e6);
    long last = -1;
    while (process.isAlive()) {
      PhaseFile.Place place = stages.place();
      boolean there =
          target == Target.ROLLOUT_WRITE
              ? place.step() != last && !hidden(run).isEmpty()
              : place.changes() != last && place.stage().equals(target.label);
      if (there) {
        last = target == Target.ROLLOUT_WRITE ? place.step() : place.changes();
        if (--visit == 0) {
          pause(process, into);
          return;
        }
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  private static void pause(Process process, long nanos) {
    long end = System.nanoTime() + nanos;
    long left;
    while (process.isAlive() && (left = end - System.nanoTime()) > 0) {
      LockSupport.parkNanos(Math.min(left, 10_000_000));
    }
  }

  /** What a kill left incomplete. */
  private static String remains(Path run) {
    List<String> remains = new ArrayList<>();
    for (Path checkpoint : list(run.resolve("checkpoints"))) {
      if (!Files.exists(checkpoint.resolve("trainer.json"))) {
        remains.add("half a checkpoint");
      }
    }
    hidden(run).forEach(table -> remains.add("half a rollout table"));
    return String.join(", ", remains);
  }

  private static List<Path> hidden(Path run) {
    return list(run.resolve("rollouts")).stream()
        .filter(path -> path.getFileName().toString().startsWith(".step="))
        .toList();
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    } catch (IOException e) {
      return List.of(); // Not there (yet), or deleted while it was read.
    }
  }

  /** The differences between a run and the undisturbed one, except for measured times. */
  static List<String> differences(Path whole, Path run) throws IOException {
    List<String> differences = new ArrayList<>();
    compare("summary", summary(whole), summary(run), differences);
    for (String file : List.of(RunFiles.CONTEXTS, RunFiles.SAMPLES)) {
      compare(file, json(whole.resolve(file)), json(run.resolve(file)), differences);
    }
    compare("records", records(whole), records(run), differences);
    compare("rollout tables", rollouts(whole), rollouts(run), differences);
    return differences;
  }

  private static void compare(String what, Object whole, Object run, List<String> differences) {
    if (!whole.equals(run)) {
      differences.add(what + ": " + shortened(run) + " is not " + shortened(whole));
    }
  }

  private static String shortened(Object value) {
    String text = value.toString();
    return text.length() > 300 ? text.substring(0, 300) + "..." : text;
  }

  private static JsonNode summary(Path run) throws IOException {
    return ((ObjectNode) json(run.resolve(RunFiles.SUMMARY)))
        .without(List.of("train_seconds", "groups_per_second", "stage_seconds"));
  }

  private static List<JsonNode> records(Path run) throws IOException {
    List<JsonNode> records = new ArrayList<>();
    for (Path file : list(run.resolve(RunFiles.METRICS_FOLDER))) {
      if (file.toString().endsWith(".jsonl")) {
        for (String line : Files.readAllLines(file)) {
          records.add(((ObjectNode) new ObjectMapper().readTree(line)).without("seconds"));
        }
      }
    }
    return records;
  }

  /** Checksums of the tables' rows, by file. */
  private static Map<String, String> rollouts(Path run) throws IOException {
    Map<String, String> files = new TreeMap<>();
    for (Path table : list(run.resolve("rollouts"))) {
      for (Path file : list(table)) {
        files.put(run.relativize(file).toString(), Sha256.of(rows(Files.readAllBytes(file))));
      }
    }
    return files;
  }

  /**
   * A Parquet file without its footer, which lists a column's encodings in an order that differs
   * between JVMs. (The file ends in the footer's length and a four-byte name.)
   */
  private static byte[] rows(byte[] file) {
    if (file.length < 8) {
      return file;
    }
    int footer = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getInt(file.length - 8);
    int rows = file.length - 8 - footer;
    return footer > 0 && rows > 0 ? Arrays.copyOf(file, rows) : file;
  }

  private static JsonNode json(Path file) throws IOException {
    return Files.exists(file)
        ? new ObjectMapper().readTree(Files.readAllBytes(file))
        : new ObjectMapper().nullNode();
  }
}
