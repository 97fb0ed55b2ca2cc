package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.avatarl.files.Sha256;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands on one finished run; each but the last few tests leaves every file as it was. */
class CommandsTest {
  @TempDir static Path folder;
  private static SparkSession spark;
  private static Path corpus;
  private static Path preset;
  private static Path run;
  private static CommandResult trained;

  private Map<String, String> before;

  @BeforeAll
  static void train() throws IOException {
    spark = TinyTraining.spark("local[2]", Map.of());
    corpus = TinyTraining.corpus(folder);
    preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
    run = folder.resolve("run");
    trained =
        CommandResult.train(
                "--preset", preset.toString(),
                "--corpus", corpus.toString(),
                "--out", run.toString())
            .succeeds();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @BeforeEach
  void remember() throws IOException {
    before = contents(run);
  }

  @AfterEach
  void nothingOfTheRunHasChanged() throws IOException {
    assertEquals(before, contents(run));
    // A session that was there before a command outlives it.
    assertFalse(spark.sparkContext().isStopped());
  }

  /** Every file's checksum. */
  private static Map<String, String> contents(Path folder) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    try (var files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        contents.put(folder.relativize(file).toString(), Sha256.of(Files.readAllBytes(file)));
      }
    }
    return contents;
  }

  /** Another run with the same files. */
  private static Path copy(String name) throws IOException {
    Path copy = folder.resolve(name);
    try (var files = Files.walk(run)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(run.relativize(file).toString()));
      }
    }
    return copy;
  }

  private static JsonNode summary(Path run) throws IOException {
    return new ObjectMapper().readTree(Files.readAllBytes(run.resolve("summary.json")));
  }

  @Test
  void trainingShowsTheRunAndItsFigures() throws IOException {
    JsonNode summary = summary(run);
    assertThat(trained.out()).startsWith("preset     trial, seed 1\n");
    for (String part :
        new String[] {
          "model      2 layers, 2 heads, width 16, context 16",
          "objective  maxrl over exhaustive actions (policy weights), reward exact",
          "run        " + run,
          "--- sample 1 ---",
          "\n5-gram ",
          String.format("%nthis run     %10.4f", summary.path("val_ce").asDouble()),
          "weights_sha256  " + summary.path("weights_sha256").asText(),
        }) {
      assertTrue(trained.out().contains(part), () -> part + " is not in " + trained.out());
    }
    // No terminal: plain lines.
    assertThat(trained.err()).contains("step 6/6  0:00 left  val_ce ");
    assertThat(trained.err()).doesNotContain("\r");
  }

  @Test
  void evaluationRepeatsTheSummary() throws IOException {
    JsonNode summary = summary(run);
    String out = CommandResult.evaluate(run.toString()).succeeds().out();
    for (String key :
        new String[] {
          "val_ce", "val_ce_sliding", "val_perplexity", "val_accuracy", "val_calibration_error"
        }) {
      String line = String.format(Locale.ROOT, "%n%-22s %.6f%n", key, summary.path(key).asDouble());
      assertTrue(out.contains(line), () -> line + " is not in " + out);
    }
    assertThat(out).contains("weights_sha256         " + summary.path("weights_sha256").asText());
  }

  @Test
  void anOlderCheckpointHasOtherFigures() {
    String newest = CommandResult.evaluate(run.toString()).succeeds().out();
    String older = CommandResult.evaluate(run.toString(), "--checkpoint", "4").succeeds().out();
    assertThat(older).contains("step 4 ");
    assertNotEquals(valCe(newest), valCe(older));
    CommandResult.evaluate(run.toString(), "--checkpoint", "3")
        .refuses("no checkpoint of step 3; there are steps [2, 4, 6]");
  }

  private static String valCe(String out) {
    return out.lines().filter(line -> line.startsWith("val_ce ")).findFirst().orElseThrow();
  }

  @Test
  void samplesDependOnTheSeedAlone() {
    String[] arguments = {run.toString(), "--prompt", "KING", "--tokens", "40", "--seed", "3"};
    String text = CommandResult.sample(arguments).succeeds().out();
    assertThat(text).startsWith("KING");
    assertEquals(4 + 40, text.stripTrailing().length() + trailing(text));
    assertEquals(text, CommandResult.sample(arguments).succeeds().out());
    arguments[6] = "4";
    assertNotEquals(text, CommandResult.sample(arguments).succeeds().out());
  }

  /** White space that the model wrote at the end, without the command's own line break. */
  private static int trailing(String text) {
    return text.length() - text.stripTrailing().length() - System.lineSeparator().length();
  }

  @Test
  void severalSamplesDiffer() {
    String[] samples =
        CommandResult.sample(run.toString(), "--samples", "2", "--tokens", "60", "--prompt", "I")
            .succeeds()
            .out()
            .split("\n---\n");
    assertEquals(2, samples.length);
    assertNotEquals(samples[0].strip(), samples[1].strip());
  }

  @Test
  void temperatureZeroTakesTheMostProbable() {
    String one =
        CommandResult.sample(run.toString(), "--temperature", "0", "--seed", "1").succeeds().out();
    String two =
        CommandResult.sample(run.toString(), "--temperature", "0", "--seed", "2").succeeds().out();
    assertEquals(one, two);
  }

  @Test
  void aPromptOutsideTheVocabulary() {
    CommandResult.sample(run.toString(), "--prompt", "ROMEO\u20ac")
        .refuses("U+20AC", "position 5", "is not one of the corpus's");
    CommandResult.sample(run.toString(), "--prompt", "").refuses("the prompt is empty");
  }

  @Test
  void aCheckpointsFolderNamesTheRunAndTheStep() {
    String[] arguments = {run.toString(), "--tokens", "20", "--checkpoint", "4"};
    String text = CommandResult.sample(arguments).succeeds().out();
    String folder = run + "/checkpoints/step-000004";
    assertEquals(text, CommandResult.sample(folder, "--tokens", "20").succeeds().out());
    assertEquals(text, CommandResult.sample(folder + "/", "--tokens", "20").succeeds().out());
    assertThat(CommandResult.evaluate(folder).succeeds().out()).contains("step 4 ");
    CommandResult.sample(folder, "--checkpoint", "6").refuses("--checkpoint 6", "leave one out");
    CommandResult.sample(run + "/checkpoints/step-000005").refuses("no checkpoint of step 5");
    CommandResult.sample(run + "/rollouts").refuses("holds no run", "here " + run);
  }

  @Test
  void aCorpusWithoutALineBreakOrASpaceInAFolderWithBoth() throws IOException {
    Path odd = Files.createDirectories(folder.resolve("mit Raum ü%41"));
    Path text = Files.writeString(odd.resolve("text.txt"), "\ufeff" + "abacus".repeat(200));
    Path other = odd.resolve("run");
    String uri = other.toUri().toString();
    CommandResult trained =
        CommandResult.train(
                "--preset",
                preset.toString(),
                "--corpus",
                text.toUri().toString(),
                "--out",
                uri,
                "--set",
                "steps=1")
            .succeeds();
    assertThat(trained.err()).contains("byte-order mark");
    assertThat(trained.out()).contains("vocabulary 5"); // a, b, c, s, u
    assertTrue(Files.exists(other.resolve("summary.json")), trained.out());
    String sample = CommandResult.sample(other.toString(), "--tokens", "9").succeeds().out();
    assertTrue(sample.matches("a[abcsu]{9}\\R"), sample);
    // What is printed to be pasted finds the run.
    String pasted =
        trained.out().lines().filter(line -> line.startsWith("try ")).findFirst().orElseThrow();
    assertThat(pasted).endsWith("jobs/sample.sh " + uri);
    CommandResult.sample(uri).succeeds();
    CommandResult.evaluate(uri).succeeds();
    assertThat(CommandResult.rollouts(uri).succeeds().out()).contains("1 steps");
  }

  @Test
  void anOutputFolderThatHoldsARun() {
    CommandResult.train(
            "--preset", preset.toString(),
            "--corpus", corpus.toString(),
            "--out", run.toString())
        .refuses(run.toString(), "already holds a run", "--resume", "--out");
  }

  @Test
  void resumingWithOtherSettings() {
    CommandResult.train(
            "--preset",
            preset.toString(),
            "--corpus",
            corpus.toString(),
            "--out",
            run.toString(),
            "--resume",
            "--set",
            "model.width=32",
            "--set",
            "seed=2")
        .refuses("other settings", "model.width: 16 → 32", "seed: 1 → 2", "--out");
    CommandResult.train("--out", run.toString(), "--resume", "--set", "steps=5")
        .refuses("has 6 steps already, more than steps = 5");
  }

  @Test
  void resumingOnAnotherText() throws IOException {
    Path other =
        Files.writeString(folder.resolve("other.txt"), Files.readString(corpus) + " and more");
    CommandResult.train("--resume", "--out", run.toString(), "--corpus", other.toString())
        .refuses("other.txt has SHA-256", Sha256.of(Files.readAllBytes(corpus)));
    CommandResult.evaluate(run.toString(), "--corpus", other.toString())
        .refuses("other.txt has SHA-256", Sha256.of(Files.readAllBytes(corpus)));
  }

  @Test
  void aDamagedCheckpoint() throws IOException {
    Path damaged = copy("damaged");
    Path file = damaged.resolve("checkpoints/step-000006/model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);
    Map<String, String> kept = contents(damaged);
    String says = "model.safetensors: damaged (its checksum does not match)";
    CommandResult.evaluate(damaged.toString()).refuses(file.toString(), says);
    CommandResult.sample(damaged.toString()).refuses(file.toString(), says);
    assertEquals(kept, contents(damaged));
    // The advice of the message works.
    CommandResult.evaluate(damaged.toString(), "--checkpoint", "4").succeeds();
    CommandResult resumed = CommandResult.train("--resume", "--out", damaged.toString()).succeeds();
    assertThat(resumed.err())
        .contains("WARNING: " + file + ": damaged", "WARNING: continuing from step 4 instead");
    assertEquals(summary(run).path("weights_sha256"), summary(damaged).path("weights_sha256"));
  }

  @Test
  void brokenFilesOfACheckpoint() throws IOException {
    Path broken = copy("broken");
    for (String step : new String[] {"2", "4", "6"}) {
      Files.writeString(broken.resolve("checkpoints/step-00000" + step + "/trainer.json"), "{");
    }
    CommandResult.sample(broken.toString()).refuses("trainer.json: damaged");
    CommandResult.sample(broken.toString(), "--checkpoint", "best").refuses("no checkpoint has a");
    CommandResult.train("--resume", "--out", broken.toString())
        .refuses("none of its checkpoints can be read", "--out");
    Files.writeString(broken.resolve("config.conf"), "steps = ");
    CommandResult.sample(broken.toString()).refuses("config.conf");
  }

  @Test
  void theBestCheckpoint() {
    // Whose cross-entropy falls all the time: the last one.
    assertEquals(
        CommandResult.evaluate(run.toString()).succeeds().out(),
        CommandResult.evaluate(run.toString(), "--checkpoint", "best").succeeds().out());
  }

  @Test
  void resumeNeedsOnlyTheFolder() throws IOException {
    Path resumed = copy("resumed");
    for (String file : new String[] {"step-000006", "step-000004"}) {
      Files.delete(resumed.resolve("checkpoints/" + file + "/trainer.json"));
    }
    Files.delete(resumed.resolve("summary.json"));
    CommandResult outcome = CommandResult.train("--resume", "--out", resumed.toString()).succeeds();
    assertThat(outcome.out()).contains("resumed    after step 2");
    assertEquals(summary(run).path("weights_sha256"), summary(resumed).path("weights_sha256"));
    assertEquals("trial", summary(resumed).path("preset").asText());
  }

  @Test
  void theConfigurationOfARunIsAPreset() throws IOException {
    Path repeated = folder.resolve("repeated");
    CommandResult.train(
            "--preset", run.resolve("config.conf").toString(), "--out", repeated.toString())
        .succeeds();
    assertEquals(summary(run).path("weights_sha256"), summary(repeated).path("weights_sha256"));
    assertEquals(summary(run).path("val_ce"), summary(repeated).path("val_ce"));
  }
}
