package io.avatarl.model;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.pytorch.jni.LibUtils;
import ai.djl.util.Utils;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import io.avatarl.config.GptConfig;
import io.avatarl.config.UserError;
import java.nio.file.Path;
import java.util.stream.Collectors;

/**
 * Loads PyTorch once per JVM and fixes its thread count: each operation uses {@code threads} native
 * threads, whatever the machine has. Parallelism comes from Spark's task slots and the learner's
 * slices instead, so that results do not depend on how a native library splits its work.
 */
public final class NativeEngine {
  private static boolean tf32; // the value last set
  private static PyTorchLibrary library; // null until first needed

  private NativeEngine() {}

  /** Call before any tensor is made; later calls only set the thread count. */
  public static synchronized void load(int threads) {
    setDefault("ai.djl.pytorch.num_threads", Integer.toString(threads));
    setDefault("ai.djl.pytorch.num_interop_threads", "1");
    if (library == null) {
      library = PyTorchLibrary.find(NativeEngine::setting, PyTorchLibrary::hasDriver);
      // Left to itself, DJL guesses flavors for which there is no bridge.
      setDefault(PyTorchLibrary.FLAVOR, library.flavor());
    }
    // TorchScript also sets it for each call; this only silences DJL's notice about the optimizer.
    setDefault("ai.djl.pytorch.graph_optimizer", "false");
    // The user's $DJL_DEFAULT_ENGINE must not select another engine.
    System.setProperty("ai.djl.default_engine", "PyTorch");
    try {
      Engine.getInstance();
      JniUtils.setNumThreads(threads);
    } catch (EngineException | LinkageError | IllegalStateException e) {
      throw notLoaded(e);
    }
  }

  /** The engine's own error has some fifty lines; the innermost cause says what is wrong. */
  private static UserError notLoaded(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    String set =
        System.getenv().keySet().stream()
            .filter(name -> name.matches("(PYTORCH|DJL|ENGINE_CACHE|AI_DJL|LD_|OFFLINE).*"))
            .sorted()
            .collect(Collectors.joining(", $", " and $", ""));
    String said =
        String.valueOf(root).lines().findFirst().orElse("").replaceFirst("^(\\w+\\.)+", "");
    if (library.folder().isPresent()) {
      return new UserError(library.describe() + " does not load: " + said, e);
    }
    return new UserError(
        "PyTorch's natives cannot be loaded ("
            + said
            + "); they are unpacked into "
            + Utils.getEngineCacheDir()
            + ": check that it can be written and has 450 MB free, or name another folder as"
            + " $DJL_CACHE_DIR"
            + (set.equals(" and $") ? "" : "; set are" + set.substring(" and".length())),
        e);
  }

  /** Describes the PyTorch that this JVM has loaded. */
  public static synchronized String describe() {
    return library.describe();
  }

  /** An environment variable or, if unset, a JVM property, in DJL's order. */
  private static String setting(String name) {
    String variable = System.getenv(name);
    return variable == null || variable.isEmpty() ? System.getProperty(name) : variable;
  }

  /**
   * As {@link #load(int)}; also allows TF32 products of float32 matrices on GPUs, for the whole
   * process, unless {@code precision} is float32.
   */
  public static synchronized void load(int threads, GptConfig.Precision precision) {
    load(threads);
    boolean allow = precision != GptConfig.Precision.FLOAT32;
    // PyTorch starts with TF32 off; a run in float32 must not depend on finding the switch.
    if (allow != tf32) {
      Tf32.LIBRARY
          .getFunction("_ZN2at7Context18setAllowTF32CuBLASEb")
          .invokeVoid(new Object[] {Tf32.CONTEXT, allow ? 1 : 0});
      tf32 = allow;
    }
  }

  /** Whether a GPU may multiply float32 matrices in TF32. */
  static boolean allowsTf32() {
    int allowed =
        Tf32.LIBRARY
            .getFunction("_ZNK2at7Context15allowTF32CuBLASEv")
            .invokeInt(new Object[] {Tf32.CONTEXT});
    return (allowed & 0xff) != 0; // a C++ bool is one byte
  }

  /**
   * PyTorch's switch, {@code at::globalContext().setAllowTF32CuBLAS(bool)}. DJL's bridge does not
   * offer it, and PyTorch reads the environment variable for it before a run's configuration is
   * known. So it is called by its symbol in the loaded PyTorch library.
   */
  private static final class Tf32 {
    static final NativeLibrary LIBRARY =
        NativeLibrary.getInstance(
            Path.of(LibUtils.getLibtorchPath(), "libtorch_cpu.so").toString());
    static final Pointer CONTEXT =
        LIBRARY.getFunction("_ZN2at13globalContextEv").invokePointer(new Object[0]);
  }

  private static void setDefault(String key, String value) {
    if (System.getProperty(key) == null) {
      System.setProperty(key, value);
    }
  }
}
