package io.avatarl.interchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.avatarl.PythonVenv;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.model.Parameters;
import io.avatarl.model.Policy;
import io.avatarl.model.Safetensors.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** GGUF files, by hand and in llama.cpp. */
class GgufModelTest {
  private static final int SECONDS = 300;
  private static final double THREE_DIGITS = 5e-4;
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  @Test
  void bytesByHand() {
    GgufFile file = new GgufFile();
    file.put("k", 7);
    file.put("s", List.of("ab"));
    file.tensor("t", new Tensor(List.of(2, 3), new float[] {1, 2, 3, 4, 5, 6}));
    file.tensor("u", new Tensor(List.of(1), new float[] {9}));
    ByteBuffer bytes = ByteBuffer.wrap(file.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(0x46554747, bytes.getInt()); // GGUF
    assertEquals(3, bytes.getInt());
    assertEquals(2, bytes.getLong());
    assertEquals(2, bytes.getLong());
    assertEquals("k", string(bytes));
    assertEquals(4, bytes.getInt());
    assertEquals(7, bytes.getInt());
    assertEquals("s", string(bytes));
    assertEquals(9, bytes.getInt());
    assertEquals(8, bytes.getInt());
    assertEquals(1, bytes.getLong());
    assertEquals("ab", string(bytes));
    assertEquals("t", string(bytes));
    assertEquals(2, bytes.getInt());
    assertEquals(3, bytes.getLong());
    assertEquals(2, bytes.getLong());
    assertEquals(0, bytes.getInt());
    assertEquals(0, bytes.getLong());
    assertEquals("u", string(bytes));
    assertEquals(1, bytes.getInt());
    assertEquals(1, bytes.getLong());
    assertEquals(0, bytes.getInt());
    assertEquals(32, bytes.getLong());
    bytes.position((bytes.position() + 31) / 32 * 32);
    float[] values = new float[6];
    bytes.asFloatBuffer().get(values);
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, values);
    assertEquals(9, bytes.getFloat(bytes.position() + 32));
    assertEquals(bytes.position() + 64, bytes.limit());
  }

  private static String string(ByteBuffer bytes) {
    byte[] utf8 = new byte[(int) bytes.getLong()];
    bytes.get(utf8);
    return new String(utf8, java.nio.charset.StandardCharsets.UTF_8);
  }

  @Test
  void formsWithoutACounterpart() {
    refused(
        "gguf is written for Apertus, which has no counterpart of model.norm = layer", Models.GPT2);
    refused("has no counterpart of model.qkNorm = false", "model.qkNorm=false");
    refused("no counterpart of model.activation = gelu", "model.activation=gelu");
  }

  private static void refused(String says, String... overrides) {
    GptConfig config = Models.config(overrides);
    String message =
        assertThrows(UserError.class, () -> GgufModel.requireCounterpart(config)).getMessage();
    assertThat(message).contains(says);
  }

  /** The five most probable tokens and their log-probabilities to three digits. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void llamaCppComputesTheSame(boolean bpe) throws Exception {
    String python =
        PythonVenv.with("xllamacpp-venv", "import xllamacpp", "xllamacpp==2026.10.11549");
    GptConfig config = bpe ? Models.config("model.tied=false") : Models.config();
    Tokenizer tokenizer = Models.tokenizer(bpe);
    Parameters parameters = Models.parameters(config, tokenizer);
    Path file =
        Files.write(
            folder.resolve("model.gguf"), GgufModel.file("trial", config, tokenizer, parameters));
    List<String> texts = List.of("ROMEO:\nSpeak", "é😀 naïve “q", "\n", "the 3 ");
    ArrayNode prompts = JSON.createArrayNode();
    for (String text : texts) {
      int[] tokens = known(tokenizer, text);
      prompts
          .addObject()
          .put("text", tokenizer.decode(tokens))
          .set("tokens", JSON.valueToTree(tokens));
    }
    Path asked = folder.resolve("prompts.json");
    JSON.writeValue(asked.toFile(), prompts);
    JsonNode answers = llamaCpp(python, file, asked);
    try (Policy policy = new Policy(config, parameters)) {
      for (int i = 0; i < texts.size(); i++) {
        int[] tokens = known(tokenizer, texts.get(i));
        assertEquals(tokens.length, answers.path(i).path("evaluated").asInt(), texts.get(i));
        float[] logProbs = last(policy, tokens);
        assertTop(logProbs, answers.path(i).path("first"));
        assertTop(logProbs, answers.path(i).path("by_text"));
        if (!bpe) {
          // No character ends the text, whichever it is.
          assertEquals(30, answers.path(i).path("made").size(), answers.path(i).toString());
        }
      }
    }
  }

  /** Without the characters that the text does not have. */
  private static int[] known(Tokenizer tokenizer, String text) {
    String kept =
        text.codePoints()
            .filter(c -> Models.TEXT.indexOf(c) >= 0)
            .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
            .toString();
    return tokenizer.encode(kept);
  }

  private static float[] last(Policy policy, int[] tokens) {
    float[] all = policy.logProbs(1, Arrays.stream(tokens).asLongStream().toArray());
    return Arrays.copyOfRange(all, all.length - policy.vocabulary(), all.length);
  }

  private static void assertTop(float[] logProbs, JsonNode found) {
    int[] best =
        IntStream.range(0, logProbs.length)
            .boxed()
            .sorted((a, b) -> Float.compare(logProbs[b], logProbs[a]))
            .limit(5)
            .mapToInt(Integer::intValue)
            .toArray();
    assertEquals(5, found.size());
    for (int i = 0; i < best.length; i++) {
      assertEquals(best[i], found.path(i).path(0).asInt(), found.toString());
      assertEquals(logProbs[best[i]], found.path(i).path(1).asDouble(), THREE_DIGITS);
    }
  }

  private JsonNode llamaCpp(String python, Path file, Path prompts)
      throws IOException, InterruptedException {
    Path log = folder.resolve("llama.txt");
    Process process =
        new ProcessBuilder(
                python, "src/test/python/gguf_model.py", file.toString(), prompts.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    boolean ended = PythonVenv.ends(process, SECONDS, TimeUnit.SECONDS);
    String said = Files.readString(log);
    assertTrue(ended && process.exitValue() == 0, said);
    String result =
        said.substring(said.lastIndexOf("RESULT ") + 7).lines().findFirst().orElseThrow();
    return JSON.readTree(result);
  }
}
