package io.avatarl;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A Python with some packages, for tests that run one: found, or made under {@code target/} by pip.
 * Python is optional: where there is none, or pip cannot install, the test is skipped and says why.
 */
public final class PythonVenv {
  private static final String INSTALL = System.getProperty("avatarl.python.install", "true");
  private static final int INSTALL_MINUTES = 10;
  private static final int IMPORT_SECONDS = 120;

  private PythonVenv() {}

  /**
   * The path of a Python.
   *
   * @param name of the virtual environment under {@code target/}
   * @param imports the statement it must be able to run
   * @param packages arguments of {@code pip install}
   */
  public static String with(String name, String imports, String packages)
      throws IOException, InterruptedException {
    return with(name, imports, packages, !INSTALL.equals("false"));
  }

  /** The same, but gigabytes like PyTorch are installed with {@code -Dpython.install=all} only. */
  public static String withGigabytes(String name, String imports, String packages)
      throws IOException, InterruptedException {
    return with(name, imports, packages, INSTALL.equals("all"));
  }

  private static String with(String name, String imports, String packages, boolean install)
      throws IOException, InterruptedException {
    Path venv = Path.of("target", name);
    String own = venv.resolve("bin/python").toAbsolutePath().toString();
    Optional<String> found =
        Stream.of(
                System.getenv("AVATARL_PYTHON"),
                own,
                Path.of(".venv/bin/python").toAbsolutePath().toString(),
                "python3")
            .filter(python -> python != null && runs(python, imports))
            .findFirst();
    if (found.isPresent()) {
      return found.get();
    }
    assumeTrue(install, "no Python runs \"" + imports + "\", and python.install=" + INSTALL);
    assumeTrue(runs("python3", "import venv"), "no python3 with venv on this machine");
    Path log = Files.createDirectories(Path.of("target")).resolve(name + "-install.txt");
    Process process =
        new ProcessBuilder(
                "bash",
                "-c",
                "python3 -m venv %1$s && %1$s/bin/pip install -q --retries 1 --timeout 30 %2$s"
                    .formatted(venv, packages))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    boolean ended = ends(process, INSTALL_MINUTES, TimeUnit.MINUTES);
    assumeTrue(
        ended && process.exitValue() == 0 && runs(own, imports),
        "pip could not install " + packages + "; see " + log);
    return own;
  }

  /** Waits for a process and ends it, with its children, where it takes longer. */
  public static boolean ends(Process process, long time, TimeUnit unit)
      throws InterruptedException {
    boolean ended = process.waitFor(time, unit);
    if (!ended) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().waitFor();
    }
    return ended;
  }

  private static boolean runs(String python, String statement) {
    try {
      Process process =
          new ProcessBuilder(List.of(python, "-c", statement))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return ends(process, IMPORT_SECONDS, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException e) {
      return false; // No such program.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
