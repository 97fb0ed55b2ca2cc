package io.avatarl.interchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.PythonVenv;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.Tokenizer;
import io.avatarl.files.Storage;
import io.avatarl.model.Parameters;
import io.avatarl.model.Safetensors;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models written for Hugging Face and read from there. */
class HuggingFaceModelTest {
  private static final int WINDOWS = 20;
  private static final double TOLERANCE = 1e-5;
  private static final int SECONDS = 300;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Storage STORAGE = TinyTraining.storage();

  @TempDir Path folder;

  /** A model, exported into {@code model/} of a folder. */
  private record Exported(
      Path folder, GptConfig config, Tokenizer tokenizer, Parameters parameters) {
    Path model() {
      return folder.resolve("model");
    }
  }

  private Exported export(String name, boolean bpe, String... overrides) throws IOException {
    GptConfig config = Models.config(overrides);
    Tokenizer tokenizer = Models.tokenizer(bpe);
    Parameters parameters = Models.parameters(config, tokenizer);
    Exported exported = new Exported(folder.resolve(name), config, tokenizer, parameters);
    Files.createDirectories(exported.model());
    for (Map.Entry<String, byte[]> file :
        HuggingFaceModel.files(config, tokenizer, parameters).entrySet()) {
      Files.write(exported.model().resolve(file.getKey()), file.getValue());
    }
    return exported;
  }

  private static HuggingFaceModel read(Exported exported) {
    return HuggingFaceModel.read(STORAGE, exported.model().toString(), exported.config);
  }

  @Test
  void theDefaultFormIsApertus() throws IOException {
    Exported exported = export("default", false);
    JsonNode expected =
        JSON.readTree(
            """
            {"architectures": ["ApertusForCausalLM"], "model_type": "apertus", "vocab_size": %d,
             "hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4,
             "num_key_value_heads": 4, "head_dim": 8, "hidden_act": "relu2", "max_position_embeddings": 50,
             "rms_norm_eps": 1e-6, "attention_bias": false, "attention_dropout": 0.0, "rope_theta": 10000.0,
             "rope_scaling": null, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
             "initializer_range": 0.15, "tie_word_embeddings": true, "bos_token_id": null,
             "eos_token_id": null, "pad_token_id": null, "dtype": "float32"}
            """
                .formatted(exported.tokenizer.vocabularySize()));
    assertEquals(expected, JSON.readTree(exported.model().resolve("config.json").toFile()));
    Map<String, Safetensors.Tensor> tensors =
        Safetensors.read("x", Files.readAllBytes(exported.model().resolve("model.safetensors")));
    assertEquals(1 + 3 * 10 + 1, tensors.size());
    Safetensors.Tensor attention =
        exported.parameters.toTensors().get("transformer.h.2.attn.c_attn.weight");
    Safetensors.Tensor keys = tensors.get("model.layers.2.self_attn.k_proj.weight");
    assertEquals(List.of(32, 32), keys.shape());
    assertArrayEquals(Arrays.copyOfRange(attention.values(), 32 * 32, 2 * 32 * 32), keys.values());
  }

  @Test
  void linearLayersOfGpt2AreTurned() throws IOException {
    Exported exported = export("gpt2", false, Models.GPT2);
    Map<String, Safetensors.Tensor> ours = exported.parameters.toTensors();
    Map<String, Safetensors.Tensor> theirs =
        Safetensors.read("x", Files.readAllBytes(exported.model().resolve("model.safetensors")));
    assertEquals(ours.keySet(), theirs.keySet());
    // A square one would fit either way.
    String square = "transformer.h.1.attn.c_proj.weight";
    assertEquals(ours.get(square).values()[5], theirs.get(square).values()[5 * 32]);
    assertEquals(List.of(32, 96), theirs.get("transformer.h.0.attn.c_attn.weight").shape());
    assertArrayEquals(
        ours.get("transformer.wte.weight").values(), theirs.get("transformer.wte.weight").values());
  }

  /** Written and read again a model is the same to the bit, and so are its logits. */
  @ParameterizedTest
  @CsvSource({"false, false", "true, false", "false, true", "true, true"})
  void roundTrip(boolean gpt2, boolean bpe) throws IOException {
    Exported exported = export("x", bpe, gpt2 ? Models.GPT2 : new String[0]);
    HuggingFaceModel read = read(exported);
    assertEquals(exported.config, read.shape());
    assertEquals(exported.tokenizer, read.tokenizer());
    assertEquals(exported.parameters.sha256(), read.parameters().sha256());
    int[][] windows = Models.windows(exported.tokenizer, 2);
    assertArrayEquals(
        Models.logits(exported.config, exported.parameters, windows),
        Models.logits(read.shape(), read.parameters(), windows));
  }

  @Test
  void otherActivationsAndTyingHaveACounterpart() throws IOException {
    for (String[] overrides :
        List.of(
            new String[] {"model.activation=gelu", "model.tied=false"},
            new String[] {"model.activation=gelu-tanh"})) {
      Exported exported = export(String.join("", overrides), false, overrides);
      assertEquals(exported.config, read(exported).shape());
    }
    List<String> tied = new ArrayList<>(List.of(Models.GPT2));
    tied.add("model.tied=true");
    tied.add("model.activation=relu2");
    Exported exported = export("tied", false, tied.toArray(String[]::new));
    assertEquals(exported.config, read(exported).shape());
    assertEquals(exported.parameters.sha256(), read(exported).parameters().sha256());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "model.qkNorm=false                     | Apertus, the architecture | model.qkNorm = false",
        "model.tokenShift=true                  | Apertus, the architecture | model.tokenShift = true",
        "model.positions=learned                | Apertus, the architecture | model.positions = learned",
        "model.norm=layer                       | Apertus, the architecture | model.norm = layer",
        "model.bias=true model.qkNorm=false     | Apertus, the architecture | model.qkNorm = false, model.bias = true",
        "model.norm=layer model.positions=learned model.bias=true | GPT-2, the architecture | model.qkNorm = true",
      })
  void formsWithoutACounterpart(String overrides, String nearest, String switches) {
    GptConfig config = Models.config(overrides.split(" +"));
    String message =
        assertThrows(UserError.class, () -> HuggingFaceModel.requireCounterpart(config))
            .getMessage();
    assertTrue(
        message.startsWith(nearest) && message.contains("counterpart of " + switches), message);
  }

  private void refused(Exported exported, String... says) {
    String message = assertThrows(UserError.class, () -> read(exported)).getMessage();
    assertEquals(1, message.lines().count(), message);
    for (String part : says) {
      assertThat(message).contains(part);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "model_type              | \"llama\"  | model_type = \"llama\"; a model here has gpt2 or apertus",
        "num_hidden_layers       | 4        | model.safetensors: model.layers.3.",
        "num_hidden_layers       | \"many\"   | num_hidden_layers = \"many\"; a model here has a whole number from 1 to",
        "num_hidden_layers       | 5000     | num_hidden_layers = 5000; a model here has a whole number from 1 to 1000",
        "num_hidden_layers       | 0        | num_hidden_layers = 0; a model here has a whole number from 1 to",
        "num_attention_heads     | 3        | num_attention_heads = 3; a model here has heads that divide",
        "num_key_value_heads     | 2        | num_key_value_heads = 2; a model here has 4",
        "intermediate_size       | 96       | intermediate_size = 96; a model here has 128",
        "head_dim                | 16       | head_dim = 16; a model here has 8",
        "hidden_act              | \"xielu\"  | hidden_act = \"xielu\"; a model here has gelu or gelu_new or relu2",
        "rms_norm_eps            | 1e-5     | rms_norm_eps = 1.0E-5; a model here has 1.0E-6",
        "attention_bias          | true     | attention_bias = true; a model here has false",
        "rope_parameters         | {\"rope_type\": \"llama3\"} | rope_type = \"llama3\"; a model here has default",
        "rope_parameters         | {\"rope_theta\": 5000}    | rope_theta = 5000.0; a model here has 10000",
        "vocab_size              | 3        | vocab_size = 3, where the tokenizer has",
      })
  void configurationsThatDoNotFit(String key, String value, String says) throws IOException {
    Exported exported = export("x", false);
    Path file = exported.model().resolve("config.json");
    ObjectNode json = (ObjectNode) JSON.readTree(file.toFile());
    json.set(key, JSON.readTree(value));
    Files.writeString(file, json.toString());
    refused(exported, says);
  }

  @Test
  void filesThatDoNotFit() throws IOException {
    Exported exported = export("x", false);
    Path file = exported.model().resolve("model.safetensors");
    Map<String, Safetensors.Tensor> tensors =
        new TreeMap<>(Safetensors.read("x", Files.readAllBytes(file)));
    String gain = "model.layers.1.self_attn.q_norm.weight";
    Safetensors.Tensor before = tensors.get(gain);
    float[] other = before.values().clone();
    other[3] = 1.5f;
    tensors.put(gain, new Safetensors.Tensor(before.shape(), other));
    Files.write(file, Safetensors.write(tensors));
    refused(exported, gain + " is not all ones, and the norms of this model have no gains");
    tensors.put(gain, new Safetensors.Tensor(List.of(2, 4), before.values()));
    Files.write(file, Safetensors.write(tensors));
    refused(exported, gain + " has shape [2, 4], but this model has [8]");
    tensors.remove(gain);
    Files.write(file, Safetensors.write(tensors));
    refused(exported, gain + " is missing");
    tensors.put(gain, before);
    tensors.put("model.extra", before);
    Files.write(file, Safetensors.write(tensors));
    refused(exported, "model.extra has no counterpart in this model");
    Files.write(file, new byte[] {1, 2});
    refused(exported, "not a readable safetensors file");
    Files.delete(exported.model().resolve("tokenizer.json"));
    refused(exported, "holds no tokenizer.json; name a folder that save_pretrained");
    Files.writeString(exported.model().resolve("tokenizer.json"), "{}");
    refused(exported, "tokenizer.json: Not a tokenizer");
  }

  private static String python() throws IOException, InterruptedException {
    return PythonVenv.withGigabytes(
        "transformers-venv",
        "import torch, transformers.models.apertus",
        "torch==2.15.0 transformers==5.24.0");
  }

  private String run(String python, String script, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(python, "src/test/python/" + script));
    command.addAll(arguments);
    Path log = folder.resolve(script + ".txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("HF_HUB_OFFLINE", "1");
    builder.environment().put("PYTHONUTF8", "1");
    Process process = builder.start();
    boolean ended = PythonVenv.ends(process, SECONDS, TimeUnit.SECONDS);
    assertTrue(ended && process.exitValue() == 0, Files.readString(log));
    return Files.readString(log);
  }

  private static float[] floats(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    float[] values = new float[bytes.length / Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  private static void assertLogits(String name, float[] expected, float[] actual) {
    assertEquals(expected.length, actual.length, name);
    double worst = 0;
    double largest = 0;
    for (int i = 0; i < expected.length; i++) {
      worst = Math.max(worst, Math.abs(expected[i] - actual[i]));
      largest = Math.max(largest, Math.abs(expected[i]));
    }
    assertTrue(largest > 1, name + ": logits up to " + largest + " only");
    assertTrue(worst <= TOLERANCE, name + ": logits differ by " + worst);
  }

  /** Stock classes, no code of ours: the same tokens, and the same logits on 1,000 of them. */
  @Test
  void transformersComputesTheSameLogits() throws Exception {
    String python = python();
    List<Exported> all =
        List.of(
            export("default-characters", false),
            export("default-bpe", true, "model.tied=false"),
            export("gpt2-characters", false, Models.GPT2),
            export("gpt2-bpe", true, Models.GPT2));
    List<String> arguments = new ArrayList<>();
    for (Exported exported : all) {
      int[][] windows = Models.windows(exported.tokenizer, WINDOWS);
      int[] tokens = Arrays.stream(windows).flatMapToInt(Arrays::stream).toArray();
      assertEquals(1000, tokens.length);
      Files.writeString(exported.folder.resolve("text"), exported.tokenizer.decode(tokens));
      JSON.writeValue(exported.folder.resolve("tokens.json").toFile(), windows);
      arguments.add(exported.folder.toString());
    }
    String log = run(python, "huggingface_model.py", arguments);
    assertTrue(log.contains("ApertusForCausalLM") && log.contains("GPT2LMHeadModel"), log);
    for (Exported exported : all) {
      assertLogits(
          exported.folder.getFileName().toString(),
          Models.logits(
              exported.config, exported.parameters, Models.windows(exported.tokenizer, WINDOWS)),
          floats(exported.folder.resolve("logits")));
    }
  }

  /** Models that were not born here: what {@code save_pretrained} wrote. */
  @Test
  void stockModelsAreRead() throws Exception {
    String python = python();
    Path text = Files.writeString(folder.resolve("text"), Models.TEXT);
    run(python, "huggingface_stock.py", List.of(folder.toString(), text.toString()));
    for (String name : List.of("gpt2", "apertus")) {
      Path made = folder.resolve(name);
      HuggingFaceModel read =
          HuggingFaceModel.read(STORAGE, made.resolve("model").toString(), Models.config());
      int[][] windows = JSON.readValue(made.resolve("tokens.json").toFile(), int[][].class);
      assertLogits(
          name,
          floats(made.resolve("logits")),
          Models.logits(read.shape(), read.parameters(), windows));
      int[] tokens = Arrays.stream(windows).flatMapToInt(Arrays::stream).toArray();
      // The last word was cut off, and a part of it may be other tokens.
      int[] again = read.tokenizer().encode(read.tokenizer().decode(tokens));
      assertArrayEquals(Arrays.copyOf(tokens, 500), Arrays.copyOf(again, 500));
    }
  }
}
