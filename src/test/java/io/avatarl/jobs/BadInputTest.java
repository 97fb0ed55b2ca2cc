package io.avatarl.jobs;

import static java.nio.charset.StandardCharsets.UTF_16LE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.UserError;
import io.avatarl.files.HadoopPath;
import io.avatarl.train.HiddenLibrary;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is refused before Spark starts, and leaves no trace. */
class BadInputTest {
  @TempDir static Path folder;
  private static Path corpus;
  private static Path preset;

  private final Path run = folder.resolve("run");

  @BeforeAll
  static void write() throws IOException {
    corpus = TinyTraining.corpus(folder);
    preset = Files.writeString(folder.resolve("trial.conf"), TinyTraining.PRESET);
  }

  @AfterEach
  void nothingWasStartedOrWritten() {
    assertTrue(SparkSession.getDefaultSession().isEmpty());
    assertFalse(Files.exists(run));
  }

  private CommandResult train(String... arguments) {
    String[] all = new String[arguments.length + 6];
    String[] usual = {
      "--preset", preset.toString(), "--corpus", corpus.toString(), "--out", run.toString()
    };
    System.arraycopy(usual, 0, all, 0, usual.length);
    System.arraycopy(arguments, 0, all, usual.length, arguments.length);
    return CommandResult.train(all);
  }

  private CommandResult trainOn(Path text) {
    return CommandResult.train(
        "--preset", preset.toString(), "--corpus", text.toString(), "--out", run.toString());
  }

  @Test
  void corpora() throws IOException {
    trainOn(folder.resolve("none.txt")).refuses("none.txt", "no such file");
    Path empty = Files.createDirectory(folder.resolve("folder"));
    trainOn(empty).refuses("folder holds no file that is not empty");
    Files.writeString(empty.resolve("a.txt"), "To be");
    Files.writeString(empty.resolve("b.csv"), "text\nor not");
    trainOn(empty).refuses("folder mixes formats (text, csv)");
    trainOn(Files.writeString(folder.resolve("rows.jsonl"), "{\"text\": \"To be\"}"))
        .refuses("rows.jsonl is jsonl: name the column that has the texts");
    trainOn(Files.write(folder.resolve("wide.txt"), "\ufeffTo be".getBytes(UTF_16LE)))
        .refuses("wide.txt is UTF-16; convert it with: iconv");
    trainOn(Files.createFile(folder.resolve("empty.txt"))).refuses("empty.txt is empty");
    trainOn(Files.write(folder.resolve("binary.txt"), new byte[] {65, 0, 66}))
        .refuses("binary.txt is not text");
    trainOn(Files.write(folder.resolve("latin1.txt"), new byte[] {65, (byte) 0xe9, 66}))
        .refuses("latin1.txt is not UTF-8");
    trainOn(Files.writeString(folder.resolve("short.txt"), "To be, or not to be"))
        .refuses("short.txt is too short", "context 16");
    train("--set", "sample.prompt=\u20ac")
        .refuses("sample.prompt: Character U+20AC", "is not one of the corpus's");
    trainOn(Files.writeString(folder.resolve("marked.txt"), "\ufeff"))
        .refuses("marked.txt is empty");
    trainOn(corpus.resolve("below/a/file.txt")).refuses("play.txt/below");
    CommandResult.train("--corpus", "nosuchscheme://host/x", "--out", run.toString())
        .refuses("nosuchscheme");
  }

  @Test
  void aContextLongerThanTheCorpus() {
    train("--set", "model.context=4000").refuses("play.txt is too short", "context 4000", "4001");
  }

  @Test
  void aChecksumThatDoesNotMatch() {
    train("--set", "corpus.sha256=" + "0".repeat(64))
        .refuses("play.txt has SHA-256", "0".repeat(64), "corpus.sha256");
  }

  @Test
  void anOutputThatCannotBeWritten() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "mine");
    CommandResult.train(
            "--preset", preset.toString(),
            "--corpus", corpus.toString(),
            "--out", file.resolve("run").toString())
        .refuses(file.resolve("run").toString(), "a file stands where a directory should be");
    assertEquals("mine", Files.readString(file));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "model.heads=3             | model.heads: 3 does not divide model.width = 16",
        "model.heads=16            | rotary positions need an even head width",
        "modle.width=8             | unknown key \"modle.width\"; did you mean model.width?",
        "stpes=3                   | error: --set stpes=3: unknown key \"stpes\"; did you mean"
            + " steps?",
        "steps=many                | error: --set steps=many: steps: \"many\" is not a whole"
            + " number",
        "steps=-1                  | steps: -1 is out of range",
        "steps                     | error: --set steps: write it as key=value",
        "device=tpu                | is not one of auto, cpu, gpu",
        "advantage.estimator=gpro  | is not one of grpo, dr-grpo, maxrl, reinforce",
        "tracking.register=model   | register: model needs an MLflow server",
        "tracking.uri=http://h tracking.register=a/b | a/b is not a valid name of a registered model",
        "tracking.uri=http://h tracking.register=m model.qkNorm=false | tracking.register: Apertus,"
            + " the architecture nearest to this model, has no counterpart of model.qkNorm"
            + " = false",
        "rollout.shards=9          | rollout.shards: 9 is more than the windows of a step",
        "reward.weights.exact=0    | reward.weights: all are 0",
        "reward.weights.exakt=1    | unknown key \"reward.weights.exakt\"; did you mean",
        "reward.referee.run=/none  | /none: holds no run",
        "curriculum.stages=[{ reward { exakt = 1 } }] | reward exakt: unknown component; there are",
        "curriculum.stages=[{ reward { exact = 0 } }] | reward.weights: all are 0",
      })
  void settings(String override, String message) {
    List<String> arguments = new ArrayList<>();
    for (String set : override.split(" (?=[\\w.]+=)")) {
      arguments.addAll(List.of("--set", set));
    }
    train(arguments.toArray(String[]::new)).refuses(message);
  }

  @Test
  void aDeltaTableWithoutTheLibrary() {
    HiddenLibrary.hide("io.delta.", () -> train("--set", "rolloutTable.format=delta"))
        .refuses(
            "rolloutTable.format = delta: Delta Lake is not on the class path",
            "add --packages " + System.getProperty("avatarl.delta.package"));
    train("--set", "rolloutTable.format=orc").refuses("is not one of parquet, delta");
  }

  @Test
  void presets() throws IOException {
    CommandResult.train("--preset", "maxlr", "--out", run.toString())
        .refuses("--preset maxlr: unknown preset", " maxrl, ", " smoke, or name a file");
    CommandResult.train("--preset", folder.resolve("none.conf").toString(), "--out", run.toString())
        .refuses("none.conf", "no such file");
    Path broken = Files.writeString(folder.resolve("broken.conf"), "steps = {\nmodel");
    CommandResult.train("--preset", broken.toString(), "--out", run.toString())
        .refuses(broken + ", line 2: ");
  }

  @Test
  void options() {
    train("--stpes", "3").refuses("--stpes", "--help");
    train("run").refuses("run", "--help");
    CommandResult.train("--resume").refuses("--resume", "--out");
    CommandResult.evaluate().refuses("RUN", "--help");
    CommandResult.evaluate(run.toString(), "--checkpoint", "last").refuses("--checkpoint", "last");
    CommandResult.sample(run.toString(), "--tokens", "0").refuses("--tokens");
    CommandResult.export(run.toString(), "--format", "hf").refuses("--out", "--help");
    CommandResult.export(run.toString(), "--format", "onnx", "--out", "x")
        .refuses("--format", "HF, GGUF", "onnx");
    CommandResult.sample(run.toString(), "--temperature", "-1").refuses("--temperature");
    CommandResult.sample(run.toString(), "--temperature", "NaN").refuses("--temperature");
  }

  @Test
  void runsThatDoNotExist() {
    train("--resume").refuses(run.toString(), "no run to resume");
    CommandResult.train("--resume", "--out", run.toString())
        .refuses(run.toString(), "holds no run");
    CommandResult.evaluate(run.toString()).refuses(run.toString(), "holds no run");
    CommandResult.sample(run.toString()).refuses(run.toString(), "holds no run");
    CommandResult.export(run.toString(), "--format", "hf", "--out", folder + "/model")
        .refuses(run.toString(), "holds no run");
  }

  @Test
  void foldersThatSparkCannotWriteInto() throws IOException {
    Path file = Files.writeString(folder.resolve("no-folder"), "");
    SparkConf conf = new SparkConf(false).set("spark.local.dir", file + "/a, " + file + "/b");
    UserError refused = assertThrows(UserError.class, () -> LocalFolders.requireScratch(conf));
    assertThat(refused.getMessage()).startsWith("spark.local.dir: ");
    conf.set("spark.local.dir", file + "/a," + folder);
    assertDoesNotThrow(() -> LocalFolders.requireScratch(conf));
  }

  @Test
  void argumentsThatTheJvmCouldNotDecode() {
    // In a locale that has every character, the sign for an unknown one is text.
    assertDoesNotThrow(() -> Job.requireReadable("a\ufffd"));
    String names = System.getProperty("sun.jnu.encoding");
    assertTrue(HadoopPath.namesAreUnicode(), names);
  }

  @Test
  void helpListsThePresets() {
    CommandResult help = CommandResult.train("--help").succeeds();
    // The list is wrapped.
    String presets = help.out().replaceAll("\\s+", " ");
    assertTrue(presets.contains(" maxrl, ") && presets.contains(" smoke, or a file"), help.out());
    assertTrue(help.out().lines().allMatch(line -> line.length() <= 100), help.out());
  }
}
