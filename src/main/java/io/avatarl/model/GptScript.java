package io.avatarl.model;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import io.avatarl.config.GptConfig;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * The TorchScript program {@code gpt.py} for one form of model: PyTorch's own interpreter runs a
 * whole pass in one native call. It has no parameters and no state, so one program per form serves
 * all threads of the JVM; it lives until the JVM ends.
 *
 * <p>PyTorch reads TorchScript from a zip file: the source text, and a pickled object whose
 * attributes say which form it is.
 */
final class GptScript {
  private static final String SOURCE = source();
  private static final Map<Map<String, Object>, GptScript> SCRIPTS = new ConcurrentHashMap<>();

  /** PyTorch's version of the archive; from 10 on no operator is replaced by an older form. */
  private static final String VERSION = "10\n";

  private final PtSymbolBlock module;

  private GptScript(PtSymbolBlock module) {
    this.module = module;
  }

  static GptScript of(GptConfig config) {
    return SCRIPTS.computeIfAbsent(attributes(config), GptScript::load);
  }

  private static Map<String, Object> attributes(GptConfig config) {
    Map<String, Object> attributes = new LinkedHashMap<>();
    attributes.put("layers", config.layers());
    attributes.put("heads", config.heads());
    attributes.put("headWidth", config.headWidth());
    attributes.put("rms", config.norm() == GptConfig.Norm.RMS);
    attributes.put("rotary", config.positions() == GptConfig.Positions.ROTARY);
    attributes.put("relu2", config.activation() == GptConfig.Activation.RELU2);
    // "tanh" is GELU's approximation by that function, "none" is exact.
    attributes.put("gelu", config.activation() == GptConfig.Activation.GELU_TANH ? "tanh" : "none");
    attributes.put("qkNorm", config.qkNorm());
    attributes.put("bias", config.bias());
    attributes.put("bfloat16", config.precision() == GptConfig.Precision.BFLOAT16);
    attributes.put("output", config.tied() ? "transformer.wte.weight" : "lm_head.weight");
    return attributes;
  }

  private static GptScript load(Map<String, Object> attributes) {
    try {
      InputStream archive = new ByteArrayInputStream(archive(attributes));
      return new GptScript(
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
  IValue run(String method, IValue... arguments) {
    // A setting per thread. The graph optimizer would replace the program after its first runs.
    JniUtils.setGraphExecutorOptimize(false);
    return IValueUtils.runMethod(module, method, arguments);
  }

  private static String source() {
    try (InputStream resource = GptScript.class.getResourceAsStream("gpt.py")) {
      return new String(resource.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] archive(Map<String, Object> attributes) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      entry(zip, "data.pkl", object(attributes));
      entry(zip, "code/__torch__.py", SOURCE.getBytes(StandardCharsets.UTF_8));
      entry(zip, "constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'}); // an empty tuple
      entry(zip, "version", VERSION.getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  private static void entry(ZipOutputStream zip, String name, byte[] content) throws IOException {
    zip.putNextEntry(new ZipEntry("gpt/" + name));
    zip.write(content);
    zip.closeEntry();
  }

  /** An object of class {@code Gpt} in Python's pickle format, protocol 2. */
  private static byte[] object(Map<String, Object> attributes) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream pickle = new DataOutputStream(bytes);
    pickle.write(new byte[] {(byte) 0x80, 2});
    pickle.writeBytes("c__torch__\nGpt\n)\u0081}("); // class, (), new object, its state: {, mark
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
