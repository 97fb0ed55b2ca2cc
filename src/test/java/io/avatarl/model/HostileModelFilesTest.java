package io.avatarl.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.Mutation;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.CharacterTokenizer;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Content;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Tag;

/** Files of checkpoints that nobody wrote like that. */
@Tag("numerical")
class HostileModelFilesTest {
  private static final int TRIES = 1000;
  private static final Storage STORAGE = new Storage(new Configuration());
  private static final GptConfig CONFIG =
      ConfigReader.read("", "model { layers = 1, heads = 2, width = 8, context = 4 }", List.of())
          .model();
  private static final Tokenizer TOKENIZER = CharacterTokenizer.of("\n abc\"\\é😀");
  private static final ParameterLayout LAYOUT =
      ParameterLayout.of(CONFIG, TOKENIZER.vocabularySize());
  private static final Map<String, byte[]> FILES = new LinkedHashMap<>();
  private static Path folder;

  @BeforeContainer
  static void write() throws IOException {
    folder = Files.createTempDirectory("avatarl-hostile");
    FILES.put(
        CheckpointFolder.MODEL, Safetensors.write(Parameters.random(LAYOUT, 1, 1).toTensors()));
    FILES.put(
        CheckpointFolder.CONFIG,
        """
        {"vocabulary": 8, "layers": 1, "heads": 2, "width": 8, "context": 4, "norm": "rms",
         "positions": "rotary", "activation": "relu2", "qk_norm": true, "bias": false, "tied": true,
         "init_std": 0.02, "constants": {"rms_epsilon": 1e-6}}
        """
            .getBytes(StandardCharsets.UTF_8));
    FILES.put(CheckpointFolder.TOKENIZER, TOKENIZER.toJson().getBytes(StandardCharsets.UTF_8));
    Map<String, Content> files = new LinkedHashMap<>();
    FILES.forEach((name, bytes) -> files.put(name, Content.of(bytes)));
    checkpoint().write(STORAGE, files, marker());
  }

  @AfterContainer
  static void delete() throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static ObjectNode marker() {
    ObjectNode marker = JsonNodeFactory.instance.objectNode().put("step", 3).put("entropy", 0.5);
    marker.putObject("evaluation").put("step", 3).put("val_ce", 1 / 3.0);
    return marker;
  }

  private static CheckpointFolder checkpoint() {
    return CheckpointFolder.of(folder.toString(), 3);
  }

  @Provide
  Arbitrary<byte[]> safetensors() {
    return Mutation.of(FILES.get(CheckpointFolder.MODEL));
  }

  @Property(tries = TRIES, seed = Mutation.SEED)
  void safetensorsAreReadOrRefused(@ForAll("safetensors") byte[] file) {
    Map<String, Safetensors.Tensor> tensors =
        Mutation.read(file.length, () -> Safetensors.read("model.safetensors", file));
    if (tensors != null) {
      long values = tensors.values().stream().mapToLong(tensor -> tensor.values().length).sum();
      assertTrue(4 * values <= file.length);
    }
  }

  /** Headers are a small part of a file; most mutations above fall into the numbers. */
  @Provide
  Arbitrary<byte[]> headers() {
    byte[] file = FILES.get(CheckpointFolder.MODEL);
    int length = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
    byte[] header = Arrays.copyOfRange(file, 8, 8 + length);
    return Mutation.of(header)
        .map(
            mutated ->
                ByteBuffer.allocate(8 + mutated.length + file.length - 8 - length)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(mutated.length)
                    .put(mutated)
                    .put(file, 8 + length, file.length - 8 - length)
                    .array());
  }

  @Property(tries = TRIES, seed = Mutation.SEED)
  void headersAreReadOrRefused(@ForAll("headers") byte[] file) {
    safetensorsAreReadOrRefused(file);
  }

  @Provide
  Arbitrary<Map<String, Safetensors.Tensor>> tensors() {
    return Arbitraries.randomValue(HostileModelFilesTest::tensors);
  }

  private static Map<String, Safetensors.Tensor> tensors(Random random) {
    Map<String, Safetensors.Tensor> tensors = new LinkedHashMap<>();
    for (int i = random.nextInt(4); i > 0; i--) {
      int rows = random.nextInt(4);
      int columns = random.nextInt(5);
      float[] values = new float[rows * columns];
      for (int j = 0; j < values.length; j++) {
        values[j] = Float.intBitsToFloat(random.nextInt());
      }
      tensors.put(
          new String(new int[] {random.nextInt(0xd800), random.nextInt(128)}, 0, 2),
          new Safetensors.Tensor(List.of(rows, columns), values));
    }
    return tensors;
  }

  @Property(tries = TRIES, seed = Mutation.SEED)
  void whatIsWrittenIsRead(@ForAll("tensors") Map<String, Safetensors.Tensor> tensors) {
    Map<String, Safetensors.Tensor> read = Safetensors.read("x", Safetensors.write(tensors));
    assertEquals(tensors.keySet(), read.keySet());
    tensors.forEach(
        (name, tensor) -> {
          assertEquals(tensor.shape(), read.get(name).shape());
          assertArrayEquals(bits(tensor), bits(read.get(name)));
        });
  }

  private static int[] bits(Safetensors.Tensor tensor) {
    int[] bits = new int[tensor.values().length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(tensor.values()[i]);
    }
    return bits;
  }

  @Provide
  Arbitrary<Map.Entry<String, byte[]>> oneFile() throws IOException {
    Map<String, byte[]> all = new LinkedHashMap<>(FILES);
    all.put(
        CheckpointFolder.MARKER,
        Files.readAllBytes(Path.of(checkpoint().path()).resolve(CheckpointFolder.MARKER)));
    return Arbitraries.of(all.entrySet())
        .flatMap(
            entry -> Mutation.of(entry.getValue()).map(bytes -> Map.entry(entry.getKey(), bytes)));
  }

  /** With one file altered, every part is what was written, or the checkpoint is damaged. */
  @Property(tries = TRIES, seed = Mutation.SEED)
  void anAlteredFileIsNoticed(@ForAll("oneFile") Map.Entry<String, byte[]> altered)
      throws IOException {
    Path file = Path.of(checkpoint().path()).resolve(altered.getKey());
    byte[] before = Files.readAllBytes(file);
    Files.write(file, altered.getValue());
    try {
      ObjectNode content = Mutation.read(before.length, () -> checkpoint().content(STORAGE));
      if (content != null) {
        assertEquals(marker(), content);
        FILES.forEach(
            (name, bytes) -> {
              byte[] read = Mutation.read(bytes.length, () -> checkpoint().read(STORAGE, name));
              if (read != null) {
                assertArrayEquals(bytes, read);
              } else {
                assertEquals(altered.getKey(), name);
              }
            });
      } else {
        assertEquals(altered.getKey(), CheckpointFolder.MARKER);
      }
    } finally {
      Files.write(file, before);
    }
  }

  @Provide
  Arbitrary<byte[]> configs() {
    return Mutation.of(FILES.get(CheckpointFolder.CONFIG));
  }

  /** Forged with care: all checksums match. */
  @Property(tries = TRIES, seed = Mutation.SEED)
  void modelConfigurationsAreReadOrRefused(@ForAll("configs") byte[] json) {
    CheckpointFolder forged = CheckpointFolder.of(folder.toString(), 4);
    forged.write(STORAGE, Map.of(CheckpointFolder.CONFIG, Content.of(json)), marker());
    GptConfig config = Mutation.read(json.length, () -> forged.config(STORAGE));
    if (config != null) {
      // A shape that is not the tensors' is noticed before anything of its size is allocated.
      Map<String, Safetensors.Tensor> tensors =
          Safetensors.read("x", FILES.get(CheckpointFolder.MODEL));
      Mutation.read(
          json.length,
          () ->
              Parameters.fromTensors(
                  ParameterLayout.of(config, TOKENIZER.vocabularySize()), tensors, "", "x"));
    }
  }

  @Provide
  Arbitrary<String> tokenizers() {
    return Mutation.of(TOKENIZER.toJson());
  }

  @Property(tries = TRIES, seed = Mutation.SEED)
  void characterTokenizersAreReadOrRefused(@ForAll("tokenizers") String json) {
    Tokenizer tokenizer = Mutation.read(json.length(), () -> Tokenizer.fromJson(json));
    if (tokenizer != null) {
      for (int token = 0; token < tokenizer.vocabularySize(); token++) {
        String text = tokenizer.decode(token);
        assertArrayEquals(new int[] {token}, tokenizer.encode(text));
      }
      assertEquals(tokenizer, Tokenizer.fromJson(tokenizer.toJson()));
    }
  }

  @Example
  void deepNestingIsRefused() {
    String deep = "[".repeat(1_000_000);
    assertThrows(UserError.class, () -> Tokenizer.fromJson(deep));
    byte[] json = deep.getBytes(StandardCharsets.UTF_8);
    byte[] file =
        ByteBuffer.allocate(8 + json.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(json.length)
            .put(json)
            .array();
    assertThrows(UserError.class, () -> Safetensors.read("deep", file));
  }
}
