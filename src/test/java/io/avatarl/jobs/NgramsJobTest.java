package io.avatarl.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.avatarl.corpus.GeneratedPlay;
import io.avatarl.train.FinishedRun;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jobs/ngrams.sh} takes what training takes. */
class NgramsJobTest {
  @TempDir static Path folder;
  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark = FinishedRun.spark();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private record Said(int code, String out, String err) {}

  /** The command prints to the process's own streams. */
  private static synchronized Said ngrams(String... arguments) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    ByteArrayOutputStream complained = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(said, true, UTF_8));
      System.setErr(new PrintStream(complained, true, UTF_8));
      int code = Job.run(new NgramsJob(), System.out, System.err, arguments);
      return new Said(code, said.toString(UTF_8), complained.toString(UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  private static String counted(String out) {
    return out.lines().filter(line -> line.matches("\\d-grams .*|total .*")).toList().toString();
  }

  @Test
  void oneTextAFolderOfItPackedOrAsRows() throws IOException {
    String text = GeneratedPlay.write(3, 30_000);
    String file = Files.writeString(folder.resolve("play.txt"), text).toString();
    Said plain = ngrams("--corpus", file, "--order", "3");
    assertEquals(0, plain.code(), plain.err());
    assertThat(plain.out()).contains("3-grams");

    Path one = Files.createDirectories(folder.resolve("one"));
    Files.writeString(one.resolve("play.txt"), text);
    Said inFolder = ngrams("--corpus", one.toString(), "--order", "3");
    assertEquals(counted(plain.out()), counted(inFolder.out()), inFolder.err());

    Path packed = folder.resolve("play.txt.gz");
    try (var gzip = new java.util.zip.GZIPOutputStream(Files.newOutputStream(packed))) {
      gzip.write(text.getBytes(UTF_8));
    }
    Said ofPacked = ngrams("--corpus", packed.toString(), "--order", "3");
    assertEquals(counted(plain.out()), counted(ofPacked.out()), ofPacked.err());

    Path rows = folder.resolve("rows");
    spark
        .createDataset(List.of(text), org.apache.spark.sql.Encoders.STRING())
        .write()
        .parquet(rows.toString());
    Said ofRows = ngrams("--corpus", rows.toString(), "--column", "value", "--order", "3");
    assertEquals(counted(plain.out()), counted(ofRows.out()), ofRows.err());
    spark.read().parquet(rows.toString()).createOrReplaceTempView("plays");
    Said ofTable = ngrams("--table", "plays", "--column", "value", "--order", "3", "--bpe", "20");
    assertEquals(0, ofTable.code(), ofTable.err());
    assertThat(ofTable.out()).contains("vocabulary  276");

    Said none = ngrams("--corpus", folder.resolve("none").toString());
    assertEquals(2, none.code());
    assertEquals(1, none.err().lines().count(), none.err());
    Said noColumn = ngrams("--corpus", rows.toString());
    assertEquals(2, noColumn.code());
    assertThat(noColumn.err()).contains("corpus.column");
  }

  @Test
  void generatedPlaysAsFiles() throws IOException {
    Path plays = folder.resolve("plays");
    Said said = ngrams("--generated", "2", "--out", plays.toString());
    assertEquals(0, said.code(), said.err());
    for (int play = 0; play < 2; play++) {
      assertArrayEquals(
          GeneratedPlay.misspelt(play, 1_000_000),
          Files.readAllBytes(plays.resolve("play-00000" + play + ".txt")));
    }
    assertEquals(2, ngrams("--out", plays.toString()).code());
  }

  @Test
  void windowsTextIsWarnedAbout() throws IOException {
    String text = "\ufeff" + GeneratedPlay.write(3, 20_000).replace("\n", "\r\n");
    String file = Files.writeString(folder.resolve("windows.txt"), text).toString();
    for (Said said : List.of(ngrams("--corpus", file), trained(file))) {
      String err = said.err();
      assertEquals(1, err.split("byte-order mark", -1).length - 1, err);
      assertEquals(1, err.split("CR LF", -1).length - 1, err);
    }
  }

  private static Said trained(String file) {
    CommandResult result =
        CommandResult.train(
            "--corpus",
            file,
            "--preset",
            "smoke",
            "--set",
            "steps=1",
            "--out",
            String.format(Locale.ROOT, "%s/run", folder));
    return new Said(result.code(), result.out(), result.err());
  }
}
