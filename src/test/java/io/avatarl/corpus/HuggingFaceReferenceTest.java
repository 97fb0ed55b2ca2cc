package io.avatarl.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The tokenizer next to Python's {@code tokenizers}: the same tokens, and from the same text the
 * same merges in the same order. Skipped where python3 or its package index is out of reach.
 */
@Tag("numerical")
class HuggingFaceReferenceTest {
  private static final Path PACKAGES = Path.of("target", "python-tokenizers");
  private static final String SCRIPT = "src/test/python/huggingface_bpe.py";
  private static final String VERSION = "0.21.4";
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final String OTHERS =
      "Naïve café—“quotes”… don't\r\nlone\rCR\ttab\u0001\u007f é\u0301 中文。日本語\n\n\n  "
          + "😀👩‍👩‍👧 𝔸𝔹 \u00a0\u2003\u3000x ١٢٣ Ⅷ aaaa aaaaa aaaaaa\n";

  @TempDir Path folder;

  @Test
  void sameTokensAndSameMerges() throws IOException, InterruptedException {
    installPackages();
    String text = GeneratedPlay.write(3, 300_000) + OTHERS.repeat(7);
    BpeTokenizer tokenizer = BpeTokenizer.train(text, 1024);
    Path json = Files.writeString(folder.resolve("tokenizer.json"), tokenizer.toJson());
    Path input = Files.writeString(folder.resolve("text"), text);
    Path tokens = folder.resolve("tokens");
    Path merges = folder.resolve("merges");
    assertEquals("", python(30, SCRIPT, "" + json, "" + input, "" + tokens, "" + merges));
    assertArrayEquals(
        JSON.readValue(tokens.toFile(), int[].class), tokenizer.encode(text), "tokens");
    JsonNode ours = JSON.readTree(tokenizer.toJson()).path("model").path("merges");
    assertEquals(JSON.readTree(merges.toFile()), ours);
  }

  /** Once, into target/, without what the package needs for downloads of its own. */
  private static void installPackages() throws IOException, InterruptedException {
    if (!Files.isDirectory(PACKAGES.resolve("tokenizers"))) {
      String problem =
          python(
              30,
              ("-m pip install --quiet --disable-pip-version-check --no-deps --retries 0 --timeout"
                      + " 5 --root-user-action ignore --target "
                      + PACKAGES
                      + " tokenizers=="
                      + VERSION)
                  .split(" "));
      assumeTrue(problem.isEmpty(), "Python's tokenizers cannot be installed: " + problem.strip());
    }
  }

  /** Empty where it went well, else what it said. */
  private static String python(int seconds, String... arguments)
      throws IOException, InterruptedException {
    String[] command = new String[arguments.length + 1];
    command[0] = "python3";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    Path output = Files.createTempFile("python", ".txt");
    try {
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.redirectErrorStream(true).redirectOutput(output.toFile());
      builder.environment().put("PYTHONPATH", PACKAGES.toString());
      builder.environment().put("PYTHONUTF8", "1");
      Process process;
      try {
        process = builder.start();
      } catch (IOException e) {
        return e.getMessage();
      }
      if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
        return "no end after " + seconds + " s";
      }
      return process.exitValue() == 0
          ? ""
          : Files.readString(output) + "exit " + process.exitValue();
    } finally {
      Files.delete(output);
    }
  }
}
