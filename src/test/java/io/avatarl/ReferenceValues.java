package io.avatarl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/** What src/test/python/reference_values.py wrote. */
public final class ReferenceValues {
  private ReferenceValues() {}

  /** A JSON file by its name without ending. */
  public static JsonNode read(String name) {
    try {
      return new ObjectMapper().readTree(bytes(name + ".json"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static byte[] bytes(String file) {
    try (InputStream in = ReferenceValues.class.getResourceAsStream("/pytorch/" + file)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static List<Integer> shape(JsonNode tensor) {
    List<Integer> shape = new ArrayList<>();
    tensor.get("shape").forEach(dimension -> shape.add(dimension.intValue()));
    return shape;
  }

  public static double[] doubles(JsonNode tensor) {
    double[] values = new double[tensor.get("values").size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.get("values").get(i).doubleValue();
    }
    return values;
  }

  public static float[] floats(JsonNode tensor) {
    double[] doubles = doubles(tensor);
    float[] values = new float[doubles.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) doubles[i];
    }
    return values;
  }

  public static int[] ints(JsonNode tensor) {
    double[] doubles = doubles(tensor);
    int[] values = new int[doubles.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (int) doubles[i];
    }
    return values;
  }

  public static long[] longs(int[] values) {
    long[] longs = new long[values.length];
    for (int i = 0; i < values.length; i++) {
      longs[i] = values[i];
    }
    return longs;
  }

  /** Each value within tolerance · max(1, |expected|). */
  public static void assertClose(String what, double[] expected, float[] actual, double tolerance) {
    assertEquals(expected.length, actual.length, what);
    for (int i = 0; i < expected.length; i++) {
      double bound = tolerance * Math.max(1, Math.abs(expected[i]));
      // Written so that NaN fails.
      if (!(Math.abs(expected[i] - actual[i]) <= bound)) {
        fail(what + "[" + i + "]: expected " + expected[i] + ", was " + actual[i]);
      }
    }
  }
}
