package io.avatarl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.corpus.RandomStream;
import io.avatarl.files.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * The values of a model's parameters in one flat direct buffer. On the CPU the tensors of {@link
 * #tensors} share the buffer's memory: the model sees at once what Java writes, and the optimizer,
 * the broadcast and the checkpoint each need one pass over flat memory. On a GPU each call of
 * {@link #tensors} makes copies.
 */
public final class Parameters {
  private static final int CACHE_LINE = 64;

  private final ParameterLayout layout;
  private final ByteBuffer bytes;
  private final FloatBuffer values;

  /** All zero. */
  public Parameters(ParameterLayout layout) {
    this.layout = layout;
    int size = Math.multiplyExact(layout.length(), Float.BYTES);
    this.bytes =
        ByteBuffer.allocateDirect(size + CACHE_LINE)
            .alignedSlice(CACHE_LINE)
            .limit(size)
            .slice()
            .order(ByteOrder.nativeOrder());
    this.values = bytes.asFloatBuffer();
  }

  /**
   * Fresh random parameters: matrices normal(0, std), norm weights 1, biases 0, in layout order.
   */
  public static Parameters random(ParameterLayout layout, double std, long seed) {
    Parameters parameters = new Parameters(layout);
    Random random = new Random(seed);
    for (ParameterLayout.Parameter p : layout.parameters()) {
      for (int i = p.offset(); i < p.offset() + p.size(); i++) {
        switch (p.init()) {
          case NORMAL -> parameters.values.put(i, (float) (std * random.nextGaussian()));
          case ONE -> parameters.values.put(i, 1f);
          case ZERO -> parameters.values.put(i, 0f);
        }
      }
    }
    return parameters;
  }

  /** The random parameters that a run starts with. */
  public static Parameters initial(TrainingConfig config, ParameterLayout layout) {
    return random(
        layout,
        config.model().initStd(),
        RandomStream.seed(config.seed(), 0, 0, RandomStream.Purpose.INITIALIZATION));
  }

  public ParameterLayout layout() {
    return layout;
  }

  /** The flat values, shared: [layout.length()]. */
  public FloatBuffer values() {
    return values.duplicate();
  }

  /** A copy of the flat values. */
  public float[] toArray() {
    float[] copy = new float[layout.length()];
    values.get(0, copy);
    return copy;
  }

  /** Replaces all values. */
  public void set(float[] flat) {
    values.put(0, flat);
  }

  /**
   * One tensor per parameter, by name, attached to {@code manager} and on its device. On the CPU
   * they share this object's memory, which must outlive them.
   */
  public Map<String, NDArray> tensors(NDManager manager) {
    Map<String, NDArray> tensors = new HashMap<>();
    for (ParameterLayout.Parameter p : layout.parameters()) {
      ByteBuffer slice =
          bytes
              .slice(p.offset() * Float.BYTES, p.size() * Float.BYTES)
              .order(ByteOrder.nativeOrder());
      Shape shape = new Shape(p.shape().stream().mapToLong(Integer::longValue).toArray());
      tensors.put(p.name(), manager.create(slice, shape, DataType.FLOAT32));
    }
    return tensors;
  }

  /** A copy of the values as named tensors, without the gaps. */
  public Map<String, Safetensors.Tensor> toTensors() {
    return toTensors(layout, toArray(), "");
  }

  /** The values as named tensors, without the gaps and without a copy. */
  public Map<String, Safetensors.View> views() {
    return views(layout, values, "");
  }

  /**
   * Any flat values of this layout as named tensors, each name prefixed with {@code prefix};
   * shared.
   */
  public static Map<String, Safetensors.View> views(
      ParameterLayout layout, FloatBuffer flat, String prefix) {
    Map<String, Safetensors.View> views = new LinkedHashMap<>();
    for (ParameterLayout.Parameter p : layout.parameters()) {
      views.put(
          prefix + p.name(), new Safetensors.View(p.shape(), flat.slice(p.offset(), p.size())));
    }
    return views;
  }

  /** A copy of any flat array of this layout as named tensors, as {@link #views}. */
  public static Map<String, Safetensors.Tensor> toTensors(
      ParameterLayout layout, float[] flat, String prefix) {
    Map<String, Safetensors.Tensor> tensors = new LinkedHashMap<>();
    for (ParameterLayout.Parameter p : layout.parameters()) {
      tensors.put(
          prefix + p.name(),
          new Safetensors.Tensor(
              p.shape(), Arrays.copyOfRange(flat, p.offset(), p.offset() + p.size())));
    }
    return tensors;
  }

  /**
   * Inverse of {@link #toTensors(ParameterLayout, float[], String)}: the flat array of named
   * tensors.
   *
   * @param file for messages
   * @throws UserError if a parameter is missing or has another shape
   */
  public static float[] fromTensors(
      ParameterLayout layout, Map<String, Safetensors.Tensor> tensors, String prefix, String file) {
    for (ParameterLayout.Parameter p : layout.parameters()) {
      Safetensors.Tensor tensor = tensors.get(prefix + p.name());
      if (tensor == null || !tensor.shape().equals(p.shape())) {
        throw new UserError(
            file
                + ": "
                + prefix
                + p.name()
                + (tensor == null ? " is missing" : " has shape " + tensor.shape())
                + ", but the model's configuration asks for "
                + p.shape());
      }
    }
    float[] flat = new float[layout.length()];
    for (ParameterLayout.Parameter p : layout.parameters()) {
      System.arraycopy(tensors.get(prefix + p.name()).values(), 0, flat, p.offset(), p.size());
    }
    return flat;
  }

  /**
   * SHA-256 over the float32 values (little-endian, layout order, without gaps), in hexadecimal.
   */
  public String sha256() {
    try {
      return Sha256.of(
          out -> {
            for (Safetensors.View tensor : views().values()) {
              Safetensors.writeValues(tensor.values(), out);
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e); // not in memory
    }
  }
}
