package io.avatarl.model;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A TorchScript program, which PyTorch's own interpreter runs: a whole method in one native call.
 * It has no parameters and no state, so one program serves all threads of the JVM; it lives until
 * the JVM ends.
 *
 * <p>PyTorch reads TorchScript from a zip file: the source text, and a pickled object whose
 * attributes a program may look at.
 */
public final class TorchScript {
  /** PyTorch's version of the archive; from 10 on no operator is replaced by an older form. */
  private static final String VERSION = "10\n";

  private final PtSymbolBlock module;

  private TorchScript(PtSymbolBlock module) {
    this.module = module;
  }

  /**
   * Compiles a program.
   *
   * @param room class next to whose class file the source is
   * @param source file name
   * @param type class in the source whose methods are called
   * @param attributes of its object: booleans, integers and strings
   */
  public static TorchScript load(
      Class<?> room, String source, String type, Map<String, Object> attributes) {
    try (InputStream resource = room.getResourceAsStream(source)) {
      InputStream archive =
          new ByteArrayInputStream(archive(resource.readAllBytes(), type, attributes));
      return new TorchScript(
          JniUtils.loadModule(
              (PtNDManager) NDManager.newBaseManager(Device.cpu()), archive, false, false));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Runs a method of the script, without recording gradients.
   *
   * @return the caller closes it
   */
  public IValue run(String method, IValue... arguments) {
    // A setting per thread. The graph optimizer would replace the program after its first runs.
    JniUtils.setGraphExecutorOptimize(false);
    return IValueUtils.runMethod(module, method, arguments);
  }

  /**
   * Runs a method with arguments that are made from Java's objects.
   *
   * @param arguments tensors, arrays of tensors, {@code long}, {@code long[]} and {@code double}
   * @return the caller closes it
   */
  public IValue call(String method, Object... arguments) {
    IValue[] values = new IValue[arguments.length];
    try {
      for (int i = 0; i < values.length; i++) {
        values[i] = value(arguments[i]);
      }
      return run(method, values);
    } finally {
      for (IValue value : values) {
        if (value != null) {
          value.close();
        }
      }
    }
  }

  private static IValue value(Object argument) {
    if (argument instanceof PtNDArray tensor) {
      return IValue.from(tensor);
    } else if (argument instanceof PtNDArray[] tensors) {
      return IValue.listFrom(tensors);
    } else if (argument instanceof long[] numbers) {
      return IValue.listFrom(numbers);
    } else if (argument instanceof Long number) {
      return IValue.from(number);
    } else {
      return IValue.from((Double) argument);
    }
  }

  private static byte[] archive(byte[] source, String type, Map<String, Object> attributes)
      throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      entry(zip, "data.pkl", object(type, attributes));
      entry(zip, "code/__torch__.py", source);
      entry(zip, "constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'}); // an empty tuple
      entry(zip, "version", VERSION.getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  private static void entry(ZipOutputStream zip, String name, byte[] content) throws IOException {
    zip.putNextEntry(new ZipEntry("program/" + name));
    zip.write(content);
    zip.closeEntry();
  }

  /** An object of a class in Python's pickle format, protocol 2. */
  private static byte[] object(String type, Map<String, Object> attributes) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream pickle = new DataOutputStream(bytes);
    pickle.write(new byte[] {(byte) 0x80, 2});
    // class, (), new object, its state: {, mark
    pickle.writeBytes("c__torch__\n" + type + "\n)\u0081}(");
    for (Map.Entry<String, Object> attribute : attributes.entrySet()) {
      string(pickle, attribute.getKey());
      if (attribute.getValue() instanceof Boolean flag) {
        pickle.writeByte(flag ? 0x88 : 0x89);
      } else if (attribute.getValue() instanceof Integer number) {
        pickle.writeByte('J');
        pickle.writeInt(Integer.reverseBytes(number));
      } else {
        string(pickle, attribute.getValue().toString());
      }
    }
    pickle.writeBytes("ub."); // set the items, build, stop
    return bytes.toByteArray();
  }

  private static void string(DataOutputStream pickle, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    pickle.writeByte('X');
    pickle.writeInt(Integer.reverseBytes(bytes.length));
    pickle.write(bytes);
  }
}
