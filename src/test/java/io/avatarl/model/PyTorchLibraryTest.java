package io.avatarl.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Stand-ins for a PyTorch on the machine: what is checked before anything of it is loaded. */
@Tag("numerical")
class PyTorchLibraryTest {
  private static final String NEEDED = "2.7.1";
  @TempDir private Path folder;

  /** A package as pip installs it. */
  private Path torch(String version, boolean cuda) throws IOException {
    Path lib = Files.createDirectories(folder.resolve("site-packages/torch/lib"));
    Files.writeString(
        lib.resolveSibling("version.py"),
        "from typing import Optional\n__version__ = '" + version + "'\ndebug = False\n");
    Files.writeString(lib.resolve("libtorch.so"), "");
    if (cuda) {
      Files.writeString(lib.resolve("libtorch_cuda.so"), "");
    }
    return lib;
  }

  private static PyTorchLibrary find(Map<String, String> environment) {
    return PyTorchLibrary.find(environment::get, () -> true);
  }

  private static String refused(Map<String, String> environment) {
    String message = assertThrows(UserError.class, () -> find(environment)).getMessage();
    assertEquals(1, message.lines().count());
    return message;
  }

  @Test
  void withoutVariablesItIsTheJarsOwn() {
    PyTorchLibrary library = find(Map.of());
    assertEquals(new PyTorchLibrary(Optional.empty(), "cpu", NEEDED), library);
    assertEquals("PyTorch 2.7.1 for CPUs of the job's jar", library.describe());
    assertEquals(library, find(Map.of("PYTORCH_LIBRARY_PATH", "", "PYTORCH_FLAVOR", "cpu")));
  }

  @ParameterizedTest
  @CsvSource({
    "2.7.1+cu126,true,cu128",
    "2.7.1+cu128,true,cu128",
    "2.7.1,true,cu128",
    "2.7.1+cpu,false,cpu"
  })
  void theFlavorFollowsFromTheLibraries(String version, boolean cuda, String flavor)
      throws IOException {
    Path lib = torch(version, cuda);
    PyTorchLibrary expected = new PyTorchLibrary(Optional.of(lib), flavor, version);
    assertEquals(expected, find(Map.of("PYTORCH_LIBRARY_PATH", lib.toString())));
    assertEquals(
        expected, find(Map.of("PYTORCH_LIBRARY_PATH", "/nowhere:" + lib.resolve("libtorch.so"))));
    assertEquals(
        expected, find(Map.of("PYTORCH_LIBRARY_PATH", lib.toString(), "PYTORCH_FLAVOR", flavor)));
    assertTrue(expected.describe().startsWith("PyTorch " + version + " (" + flavor + ") of "));
  }

  @Test
  void aLinkToThePackageWillDo() throws IOException {
    torch(NEEDED + "+cu126", true);
    Path link =
        Files.createSymbolicLink(folder.resolve("torch"), folder.resolve("site-packages/torch"));
    assertEquals(NEEDED + "+cu126", find(Map.of("PYTORCH_LIBRARY_PATH", link + "/lib")).version());
  }

  @Test
  void theArchiveForCppHasItsVersionElsewhere() throws IOException {
    Path lib = torch("", true);
    Files.delete(lib.resolveSibling("version.py"));
    Files.writeString(lib.resolveSibling("build-version"), "2.7.1+cu128\n");
    assertEquals("2.7.1+cu128", find(Map.of("PYTORCH_LIBRARY_PATH", lib.toString())).version());
  }

  @Test
  void anotherVersionIsRefused() throws IOException {
    Path lib = torch("2.6.0+cu124", true);
    String message = refused(Map.of("PYTORCH_LIBRARY_PATH", lib.toString()));
    assertThat(message).contains("this is PyTorch 2.6.0+cu124; `pip install torch==2.7.1`");
    // Not a prefix of numbers.
    torch("2.7.10", true);
    assertThat(refused(Map.of("PYTORCH_LIBRARY_PATH", lib.toString()))).contains("2.7.10");
  }

  @Test
  void anotherVersionWithABridgeBuiltForItIsTaken() throws IOException {
    Path lib = torch("2.11.0+cu130", true);
    Files.createFile(lib.resolve("libdjl_torch.so"));
    assertEquals("2.11.0+cu130", find(Map.of("PYTORCH_LIBRARY_PATH", lib.toString())).version());
  }

  @Test
  void aMissingLibraryIsRefusedWhereDjlWouldTakeTheCpus() {
    String message = refused(Map.of("PYTORCH_LIBRARY_PATH", folder.toString()));
    assertThat(message).contains("there is no libtorch.so");
    assertTrue(
        refused(Map.of("PYTORCH_FLAVOR", "cu128")).contains("natives for CPUs only"), message);
  }

  @Test
  void flavorsAreRefusedThatTheLibraryOrTheJarLacks() throws IOException {
    String lib = torch(NEEDED + "+cpu", false).toString();
    assertThat(refused(Map.of("PYTORCH_LIBRARY_PATH", lib, "PYTORCH_FLAVOR", "cu128")))
        .contains("for CPUs (no libtorch_cuda.so)");
    assertThat(refused(Map.of("PYTORCH_LIBRARY_PATH", lib, "PYTORCH_FLAVOR", "cu121")))
        .contains("there are cpu and cu128");
  }

  /** As a driver's machine next to executors with GPUs. */
  @Test
  void withoutADriverTheSameLibrariesComputeOnTheCpu() throws IOException {
    String lib = torch(NEEDED + "+cu126", true).toString();
    assertEquals(
        "cpu", PyTorchLibrary.find(Map.of("PYTORCH_LIBRARY_PATH", lib)::get, () -> false).flavor());
    Map<String, String> asked = Map.of("PYTORCH_LIBRARY_PATH", lib, "PYTORCH_FLAVOR", "cu128");
    String message =
        assertThrows(UserError.class, () -> PyTorchLibrary.find(asked::get, () -> false))
            .getMessage();
    assertThat(message).contains("no NVIDIA driver");
  }

  /** Images of NVIDIA's set it. */
  @Test
  void aVersionThatWouldBeDownloadedIsRefused() {
    assertThat(refused(Map.of("PYTORCH_VERSION", "2.8.0a0+34c6371d24"))).contains("unset it");
  }
}
