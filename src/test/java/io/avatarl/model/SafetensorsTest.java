package io.avatarl.model;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import io.avatarl.ReferenceValues;
import io.avatarl.config.UserError;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("numerical")
class SafetensorsTest {
  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }

  /** A file with this header and {@code data} bytes after it. */
  private static byte[] file(String header, int data) {
    byte[] json = header.getBytes(UTF_8);
    return ByteBuffer.allocate(8 + json.length + data)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.length)
        .put(json)
        .array();
  }

  private static String tensor(String dtype, String shape, long begin, long end) {
    return String.format(
        "{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}", dtype, shape, begin, end);
  }

  private static void assertRefused(byte[] bytes) {
    UserError error =
        assertThrows(UserError.class, () -> Safetensors.read("the-file.safetensors", bytes));
    assertThat(error.getMessage()).startsWith("the-file.safetensors: ");
    assertThat(error.getMessage()).doesNotContain("\n");
  }

  @Test
  void everyBitPatternComesBack() {
    int[] patterns = {
      0x80000000, // -0.0
      0x00000001, // smallest subnormal
      0x807fffff, // largest negative subnormal
      0x7fc00000, // NaN
      0x7fc12345, // NaN with a payload
      0xffc00001, // negative NaN
      0x7f800001, // signalling NaN
      0x7f800000, // infinities
      0xff800000,
      0x7f7fffff, // largest
      0x3f800000
    };
    float[] values = new float[patterns.length];
    ByteBuffer bytes = ByteBuffer.allocate(4 * patterns.length);
    bytes.asIntBuffer().put(patterns);
    bytes.asFloatBuffer().get(values);
    Map<String, Safetensors.Tensor> tensors = new LinkedHashMap<>();
    tensors.put("z", new Safetensors.Tensor(List.of(values.length), values));
    tensors.put("scalar", new Safetensors.Tensor(List.of(), new float[] {2}));
    tensors.put("empty", new Safetensors.Tensor(List.of(3, 0), new float[0]));
    tensors.put(
        "a/ü \"quoted\"", new Safetensors.Tensor(List.of(2, 3), new float[] {1, 2, 3, 4, 5, 6}));

    Map<String, Safetensors.Tensor> read = Safetensors.read("file", Safetensors.write(tensors));
    assertEquals(new ArrayList<>(tensors.keySet()), new ArrayList<>(read.keySet()));
    assertArrayEquals(patterns, bits(read.get("z").values()));
    tensors.forEach(
        (name, tensor) -> {
          assertEquals(tensor.shape(), read.get(name).shape());
          assertArrayEquals(bits(tensor.values()), bits(read.get(name).values()));
        });
  }

  @Test
  void theDataStartsAtAMultipleOfEightBytes() {
    for (int length = 1; length < 12; length++) {
      byte[] bytes =
          Safetensors.write(
              Map.of("n".repeat(length), new Safetensors.Tensor(List.of(1), new float[] {1})));
      long header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
      assertEquals(0, header % 8);
      assertEquals(8 + header + 4, bytes.length);
    }
  }

  @Test
  void readsWhatPythonWrote() {
    Map<String, Safetensors.Tensor> tensors =
        Safetensors.read("model.safetensors", ReferenceValues.bytes("model.safetensors"));
    JsonNode expected = ReferenceValues.read("safetensors").get("tensors");
    assertEquals(expected.size(), tensors.size());
    tensors.forEach(
        (name, tensor) -> {
          assertEquals(ReferenceValues.shape(expected.get(name)), tensor.shape());
          assertArrayEquals(
              bits(ReferenceValues.floats(expected.get(name))), bits(tensor.values()), name);
        });
    int[] wte = bits(tensors.get("transformer.wte.weight").values());
    assertEquals(0x80000000, wte[0]);
    assertEquals(1, wte[1]);
  }

  @Test
  void everyTruncationIsRefused() {
    byte[] whole = ReferenceValues.bytes("model.safetensors");
    for (int length = 0; length < whole.length; length++) {
      assertRefused(Arrays.copyOf(whole, length));
    }
    assertRefused(Arrays.copyOf(whole, whole.length + 1));
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 0, 1, 345, 1L << 32, (1L << 32) + 104})
  void headerLengthsThatDoNotFitAreRefused(long length) {
    byte[] bytes = ReferenceValues.bytes("model.safetensors");
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
    assertRefused(bytes);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "not json at all",
        "{\"a\":",
        "[]",
        "42",
        "null",
        "  ",
        "{} {}",
        "{} trailing",
        "{\"a\":1}",
        "{\"a\":{}}",
        "{\"a\":{\"dtype\":\"F32\"}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,\"4\"]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}",
        "{\"a\\n\\u001b[2J\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,4]}}"
      })
  void headersThatAreNoneAreRefused(String header) {
    assertRefused(file(header, 4));
  }

  @Test
  void deepNestingIsRefused() {
    assertRefused(file("[".repeat(100_000), 0));
    assertRefused(file("{\"a\":".repeat(100_000), 0));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "F64|[1]|0|4",
        "BF16|[2]|0|4",
        "f32|[1]|0|4",
        "F32|[2]|0|4", // shape and offsets disagree
        "F32|[-1]|0|4",
        "F32|[-1,-1]|0|4",
        "F32|[65536,65536]|0|4", // 2^32 elements: 0 in 32 bits
        "F32|[2147483647,2147483647,2147483647]|0|4",
        "F32|[4294967297]|0|4", // 1 in 32 bits
        "F32|[9223372036854775807]|0|4",
        "F32|[99999999999999999999]|0|4",
        "F32|[1]|-4|0",
        "F32|[1]|4|0",
        "F32|[1]|4|8", // behind the end
        "F32|[1]|9223372036854775804|-9223372036854775808"
      })
  void tensorsThatDoNotFitAreRefused(String dtype, String shape, long begin, long end) {
    assertRefused(file("{\"a\":" + tensor(dtype, shape, begin, end) + "}", 4));
  }

  @Test
  void overlapsGapsAndDuplicatesAreRefused() {
    String first = "{\"a\":" + tensor("F32", "[2]", 0, 8);
    assertEquals(
        2,
        Safetensors.read("f", file(first + ",\"b\":" + tensor("F32", "[1]", 8, 12) + "}", 12))
            .size());
    // An overlap and a gap that cover as many bytes as there are.
    assertRefused(file(first + ",\"b\":" + tensor("F32", "[2]", 4, 12) + "}", 16));
    assertRefused(file(first + ",\"b\":" + tensor("F32", "[2]", 0, 8) + "}", 16));
    assertRefused(file(first + ",\"b\":" + tensor("F32", "[2]", 12, 20) + "}", 20));
    assertRefused(file("{\"b\":" + tensor("F32", "[2]", 4, 12) + "}", 12));
    assertRefused(file(first + ",\"a\":" + tensor("F32", "[2]", 8, 16) + "}", 16));
    assertRefused(file(first + ",\"a\":" + tensor("F32", "[2]", 0, 8) + "}", 8));
  }

  @Test
  void theOrderOfNamesNeedNotBeThatOfTheData() {
    String header =
        "{\"b\":" + tensor("F32", "[1]", 4, 8) + ",\"a\":" + tensor("F32", "[1]", 0, 4) + "}";
    byte[] bytes = file(header, 8);
    ByteBuffer.wrap(bytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putFloat(bytes.length - 8, 1f)
        .putFloat(bytes.length - 4, 2f);
    Map<String, Safetensors.Tensor> tensors = Safetensors.read("f", bytes);
    assertEquals(1f, tensors.get("a").values()[0]);
    assertEquals(2f, tensors.get("b").values()[0]);
  }
}
