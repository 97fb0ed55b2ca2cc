package io.avatarl.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.avatarl.config.UserError;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The safetensors format, float32 tensors only: eight bytes of header length (little-endian), a
 * JSON header of names, shapes and offsets, then the values (github.com/huggingface/safetensors,
 * "Format").
 */
public final class Safetensors {
  private static final int ALIGNMENT = 8;
  private static final int LARGEST_HEADER = 100_000_000;

  /** Floats that are written at once. */
  private static final int BLOCK = 1 << 16;

  // A lenient reader would silently accept duplicate names, or text after the header.
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Safetensors() {}

  /**
   * A named tensor.
   *
   * @param values row-major
   */
  public record Tensor(List<Integer> shape, float[] values) {}

  /**
   * A named tensor whose values belong to someone else.
   *
   * @param values row-major, from its position to its limit
   */
  public record View(List<Integer> shape, FloatBuffer values) {}

  /** One file's bytes, tensors in the map's order. */
  public static byte[] write(Map<String, Tensor> tensors) {
    Map<String, View> views = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) ->
            views.put(name, new View(tensor.shape(), FloatBuffer.wrap(tensor.values()))));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      write(views, out);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // not in memory
    }
    return out.toByteArray();
  }

  /**
   * Writes one file, tensors in the map's order. At most 2 GB, because readers hold it as one
   * array.
   */
  public static void write(Map<String, View> tensors, OutputStream out) throws IOException {
    ObjectNode header = JSON.createObjectNode();
    header.putObject("__metadata__").put("format", "pt");
    long offset = 0;
    for (Map.Entry<String, View> entry : tensors.entrySet()) {
      ObjectNode tensor = header.putObject(entry.getKey());
      tensor.put("dtype", "F32");
      entry.getValue().shape().forEach(tensor.putArray("shape")::add);
      long end = offset + 4L * entry.getValue().values().remaining();
      tensor.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    int padded = (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    Math.toIntExact(8 + padded + offset);
    ByteBuffer start = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
    start.putLong(padded).put(json);
    while (start.hasRemaining()) {
      start.put((byte) ' ');
    }
    out.write(start.array());
    for (View tensor : tensors.values()) {
      writeValues(tensor.values(), out);
    }
  }

  /** Writes the values from a buffer's position to its limit, which stay as they are. */
  static void writeValues(FloatBuffer values, OutputStream out) throws IOException {
    ByteBuffer block =
        ByteBuffer.allocate(4 * Math.min(BLOCK, values.remaining())).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = values.position(); at < values.limit(); at += BLOCK) {
      int count = Math.min(BLOCK, values.limit() - at);
      block.asFloatBuffer().put(0, values, at, count);
      out.write(block.array(), 0, 4 * count);
    }
  }

  /**
   * Reads a file, also one of another program.
   *
   * @param name of the file, for messages
   * @throws UserError if it is not a well-formed file of float32 tensors
   */
  public static Map<String, Tensor> read(String name, byte[] bytes) {
    if (bytes.length < 8) {
      throw refused(name, "it has " + bytes.length + " bytes");
    }
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long headerLength = file.getLong();
    if (headerLength < 2 || headerLength > Math.min(LARGEST_HEADER, bytes.length - 8)) {
      throw refused(name, "header length " + headerLength + " does not fit the file");
    }
    JsonNode header;
    try {
      header = JSON.readTree(new String(bytes, 8, (int) headerLength, StandardCharsets.UTF_8));
    } catch (JsonProcessingException | IllegalArgumentException e) {
      throw refused(name, "the header is not JSON, or names a tensor twice");
    }
    if (header == null || !header.isObject()) {
      throw refused(name, "the header is not a JSON object");
    }
    int dataStart = 8 + (int) headerLength;
    int dataLength = bytes.length - dataStart;
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    TreeMap<Long, Long> ends = new TreeMap<>(); // by begin, empty tensors left out
    for (Map.Entry<String, JsonNode> entry : header.properties()) {
      if (!entry.getKey().equals("__metadata__")) {
        Tensor tensor =
            tensor(name, entry.getKey(), entry.getValue(), bytes, dataStart, dataLength);
        tensors.put(entry.getKey(), tensor);
        long begin = entry.getValue().path("data_offsets").get(0).longValue();
        long bytesOfTensor = 4L * tensor.values().length;
        if (bytesOfTensor > 0 && ends.put(begin, begin + bytesOfTensor) != null) {
          throw refused(name, entry.getKey() + " overlaps another tensor");
        }
      }
    }
    long covered = 0;
    for (Map.Entry<Long, Long> range : ends.entrySet()) {
      if (range.getKey() != covered) {
        throw refused(
            name,
            "its tensors overlap or leave a gap between bytes "
                + Math.min(covered, range.getKey())
                + " and "
                + Math.max(covered, range.getKey()));
      }
      covered = range.getValue();
    }
    if (covered != dataLength) {
      throw refused(name, "its tensors cover " + covered + " of " + dataLength + " bytes");
    }
    return tensors;
  }

  private static Tensor tensor(
      String file, String name, JsonNode node, byte[] bytes, int dataStart, int dataLength) {
    if (!"F32".equals(node.path("dtype").asText())) {
      throw refused(file, name + " has dtype " + node.path("dtype") + ", only F32 is read");
    }
    JsonNode dimensions = node.path("shape");
    JsonNode offsets = node.path("data_offsets");
    if (!dimensions.isArray() || !offsets.isArray() || offsets.size() != 2) {
      throw refused(file, name + " lacks shape or data_offsets");
    }
    List<Integer> shape = new ArrayList<>();
    long size = 1;
    for (JsonNode dimension : dimensions) {
      if (!dimension.isIntegralNumber()
          || !dimension.canConvertToInt()
          || dimension.intValue() < 0) {
        throw refused(file, name + " has shape " + dimensions);
      }
      shape.add(dimension.intValue());
      size *= dimension.intValue();
      if (size > Integer.MAX_VALUE) {
        throw refused(file, name + " has shape " + dimensions);
      }
    }
    long begin = offset(offsets.get(0));
    long end = offset(offsets.get(1));
    if (begin < 0 || end > dataLength || end - begin != 4 * size) {
      throw refused(file, name + " has data_offsets " + offsets + " for shape " + dimensions);
    }
    float[] values = new float[(int) size];
    ByteBuffer.wrap(bytes, dataStart + (int) begin, (int) (end - begin))
        .slice()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .get(values);
    return new Tensor(List.copyOf(shape), values);
  }

  /** A byte offset, or -1 if the node is not one. */
  private static long offset(JsonNode node) {
    return node.isIntegralNumber() && node.canConvertToLong() ? node.longValue() : -1;
  }

  private static UserError refused(String file, String why) {
    // A tensor's name comes from the file and may hold anything; the message is one line.
    return new UserError(
        file
            + ": not a readable safetensors file ("
            + why.replaceAll("\\p{Cntrl}+", " ")
            + "); use another checkpoint");
  }
}
