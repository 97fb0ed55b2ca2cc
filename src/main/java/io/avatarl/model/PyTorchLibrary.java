package io.avatarl.model;

import com.sun.jna.NativeLibrary;
import io.avatarl.config.UserError;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which PyTorch a JVM loads. The job's jar contains the one for CPUs. Natives for CUDA are in no
 * jar (none were published for this version); {@code PYTORCH_LIBRARY_PATH} names the {@code
 * torch/lib} folder of a PyTorch on the machine. The jar contains DJL's bridge for each flavor; DJL
 * picks it by {@code PYTORCH_FLAVOR}.
 *
 * <p>DJL checks none of this: with a folder without a library it silently takes the CPU's natives,
 * and another version ends in unresolved symbols. So this class checks first. DJL's bridge for CUDA
 * does not load without NVIDIA's driver, as on a Spark driver without a GPU; there the bridge for
 * CPUs works with the same libraries.
 *
 * @param folder of the libraries; empty: the job's jar
 * @param flavor {@code cpu} or {@code cu128}, which works with CUDA 12
 * @param version as PyTorch's own files state it, such as {@code 2.7.1+cu126}
 */
record PyTorchLibrary(Optional<Path> folder, String flavor, String version) {
  static final String PATH = "PYTORCH_LIBRARY_PATH";
  static final String FLAVOR = "PYTORCH_FLAVOR";
  private static final String VERSION = "PYTORCH_VERSION";

  /** DJL's bridge. One in the folder of the libraries is loaded instead of the jar's. */
  private static final String BRIDGE = "libdjl_torch.so";

  private static final String CPU = "cpu";
  private static final String CUDA = "cu128";

  /** Matches {@code torch/version.py} of a wheel, and the bare number in the archive for C++. */
  private static final Pattern NUMBER =
      Pattern.compile("(?:^|__version__ = ')(\\d+\\.\\d+\\.\\d+[^'\\s]*)");

  /**
   * Finds the PyTorch that DJL will load.
   *
   * @param environment value of a variable or property, null where it is unset
   * @param driver whether this machine has NVIDIA's driver
   * @throws UserError if it cannot work
   */
  static PyTorchLibrary find(UnaryOperator<String> environment, BooleanSupplier driver) {
    String needed = needed();
    String path = value(environment, PATH);
    String flavor = value(environment, FLAVOR);
    String version = value(environment, VERSION);
    if (!version.isEmpty() && !version.equals(needed)) {
      throw new UserError(
          VERSION + "=" + version + ": the job works with PyTorch " + needed + "; unset it");
    }
    if (path.isEmpty()) {
      if (!flavor.isEmpty() && !flavor.equals(CPU)) {
        throw new UserError(
            FLAVOR
                + "="
                + flavor
                + ": the job's jar has natives for CPUs only; install PyTorch for CUDA "
                + install(needed)
                + ", or unset it");
      }
      return new PyTorchLibrary(Optional.empty(), CPU, needed);
    }
    Path folder = folder(path, needed);
    String found = version(folder).orElse(needed);
    boolean ownBridge = Files.exists(folder.resolve(BRIDGE));
    if (!ownBridge && !found.equals(needed) && !found.startsWith(needed + "+")) {
      throw new UserError(
          PATH + "=" + path + ": this is PyTorch " + found + "; " + install(needed));
    }
    boolean cuda = Files.exists(folder.resolve("libtorch_cuda.so"));
    if (flavor.isEmpty()) {
      flavor = cuda && driver.getAsBoolean() ? CUDA : CPU;
    } else if (!flavor.equals(CPU) && !flavor.equals(CUDA)) {
      throw new UserError(FLAVOR + "=" + flavor + ": there are " + CPU + " and " + CUDA);
    } else if (flavor.equals(CUDA) && !cuda) {
      throw new UserError(
          PATH
              + "="
              + path
              + ": this PyTorch is for CPUs (no libtorch_cuda.so); for CUDA, "
              + install(needed));
    } else if (flavor.equals(CUDA) && !driver.getAsBoolean()) {
      throw new UserError(
          FLAVOR
              + "="
              + flavor
              + ": this machine has no NVIDIA driver (libcuda.so.1); unset it to use GPUs only"
              + " where there are any");
    }
    return new PyTorchLibrary(Optional.of(folder), flavor, found);
  }

  /** Whether NVIDIA's driver is installed. */
  static boolean hasDriver() {
    try {
      NativeLibrary.getInstance("libcuda.so.1");
      return true;
    } catch (UnsatisfiedLinkError e) {
      return false;
    }
  }

  private static String install(String version) {
    return "`pip install torch==" + version + "` and set " + PATH + " to its torch/lib folder";
  }

  private static String value(UnaryOperator<String> environment, String name) {
    String value = environment.apply(name);
    return value == null ? "" : value;
  }

  /** The first folder in {@code path} that holds the library; DJL picks the same. */
  private static Path folder(String path, String needed) {
    for (String part : path.split(":")) {
      Path folder = Path.of(part);
      if (folder.endsWith("libtorch.so") && Files.isRegularFile(folder)) {
        return folder.toAbsolutePath().getParent();
      }
      if (Files.isRegularFile(folder.resolve("libtorch.so"))) {
        return folder.toAbsolutePath();
      }
    }
    throw new UserError(PATH + "=" + path + ": there is no libtorch.so; " + install(needed));
  }

  /** The version of the PyTorch that a folder of libraries belongs to. */
  private static Optional<String> version(Path folder) {
    try {
      Path home = folder.toRealPath().getParent();
      for (String name : new String[] {"version.py", "build-version"}) {
        Path file = home.resolve(name);
        if (Files.isRegularFile(file)) {
          Matcher number = NUMBER.matcher(Files.readString(file));
          if (number.find()) {
            return Optional.of(number.group(1));
          }
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      throw new UserError(PATH + "=" + folder + ": cannot be read: " + e.getMessage(), e);
    }
  }

  /** The version that the bridge in the jar was built for. */
  private static String needed() {
    Properties bridge = new Properties();
    try (InputStream in =
        PyTorchLibrary.class.getClassLoader().getResourceAsStream("jnilib/pytorch.properties")) {
      bridge.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bridge.getProperty("jni_version").replaceFirst("-.*", "");
  }

  /** Describes what is loaded and where it comes from. */
  String describe() {
    return "PyTorch "
        + version
        + folder.map(from -> " (" + flavor + ") of " + from).orElse(" for CPUs of the job's jar");
  }
}
