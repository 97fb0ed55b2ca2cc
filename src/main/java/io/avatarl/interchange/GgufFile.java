package io.avatarl.interchange;

import io.avatarl.model.Safetensors.Tensor;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The GGUF format, version 3 (github.com/ggml-org/ggml, docs/gguf.md), float32 tensors only: magic,
 * version, numbers of tensors and of keys, the keys with their values, the tensors' names, shapes
 * and offsets, and after padding to {@value #ALIGNMENT} bytes the tensors, each at a multiple of
 * that. All is little-endian.
 */
final class GgufFile {
  private static final int ALIGNMENT = 32;
  private static final int VERSION = 3;
  private static final int FLOAT32_TENSOR = 0;

  // Types of values.
  private static final int UINT32 = 4;
  private static final int INT32 = 5;
  private static final int FLOAT32 = 6;
  private static final int BOOL = 7;
  private static final int STRING = 8;
  private static final int ARRAY = 9;

  private final Bytes values = new Bytes();
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private int keys;

  /** Numbers and strings one after another. */
  private static final class Bytes {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Bytes put(int length, Consumer<ByteBuffer> content) {
      ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
      content.accept(buffer);
      bytes.writeBytes(buffer.array());
      return this;
    }

    Bytes int32(int value) {
      return put(Integer.BYTES, buffer -> buffer.putInt(value));
    }

    Bytes int64(long value) {
      return put(Long.BYTES, buffer -> buffer.putLong(value));
    }

    Bytes float32(float value) {
      return put(Float.BYTES, buffer -> buffer.putFloat(value));
    }

    Bytes string(String text) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      int64(utf8.length);
      bytes.writeBytes(utf8);
      return this;
    }
  }

  private Bytes key(String key, int type) {
    keys++;
    return values.string(key).int32(type);
  }

  private Bytes array(String key, int type, int length) {
    return key(key, ARRAY).int32(type).int64(length);
  }

  void put(String key, int value) {
    key(key, UINT32).int32(value);
  }

  void put(String key, float value) {
    key(key, FLOAT32).float32(value);
  }

  void put(String key, boolean value) {
    key(key, BOOL).put(1, buffer -> buffer.put((byte) (value ? 1 : 0)));
  }

  void put(String key, String value) {
    key(key, STRING).string(value);
  }

  void put(String key, List<String> strings) {
    Bytes array = array(key, STRING, strings.size());
    strings.forEach(array::string);
  }

  void put(String key, int... numbers) {
    Bytes array = array(key, INT32, numbers.length);
    for (int number : numbers) {
      array.int32(number);
    }
  }

  void put(String key, float... numbers) {
    Bytes array = array(key, FLOAT32, numbers.length);
    for (float number : numbers) {
      array.float32(number);
    }
  }

  void tensor(String name, Tensor tensor) {
    tensors.put(name, tensor);
  }

  /** The whole file. */
  byte[] bytes() {
    Bytes head = new Bytes();
    head.put(4, buffer -> buffer.put("GGUF".getBytes(StandardCharsets.US_ASCII)));
    head.int32(VERSION).int64(tensors.size()).int64(keys);
    head.bytes.writeBytes(values.bytes.toByteArray());
    long offset = 0;
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      List<Integer> shape = entry.getValue().shape();
      head.string(entry.getKey()).int32(shape.size());
      // The fastest dimension comes first.
      for (int i = shape.size() - 1; i >= 0; i--) {
        head.int64(shape.get(i));
      }
      head.int32(FLOAT32_TENSOR).int64(offset);
      offset += padded(4L * entry.getValue().values().length);
    }
    int start = (int) padded(head.bytes.size());
    ByteBuffer file =
        ByteBuffer.allocate(Math.toIntExact(start + offset)).order(ByteOrder.LITTLE_ENDIAN);
    file.put(head.bytes.toByteArray());
    int at = start;
    for (Tensor tensor : tensors.values()) {
      file.position(at).asFloatBuffer().put(tensor.values());
      at += (int) padded(4L * tensor.values().length);
    }
    return file.array();
  }

  private static long padded(long length) {
    return (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }
}
