package io.avatarl.spark.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import io.avatarl.PythonVenv;
import io.avatarl.config.ConfigReader;
import io.avatarl.config.DeviceType;
import io.avatarl.config.UserError;
import io.avatarl.jobs.Job;
import io.avatarl.model.NativeEngine;
import io.avatarl.train.FinishedRun;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.resource.ResourceInformation;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Which device computes, on a machine that has no GPU: what Spark would assign is made up. */
class DevicesTest {
  @TempDir private Path folder;

  private static Map<String, ResourceInformation> gpu(String... addresses) {
    return Map.of("gpu", new ResourceInformation("gpu", addresses));
  }

  @Test
  void theFirstAddressThatWasAssigned() {
    assertEquals(Device.gpu(3), Devices.assigned(DeviceType.AUTO, gpu("3", "5")));
    assertEquals(Device.gpu(0), Devices.assigned(DeviceType.GPU, gpu("0")));
    assertEquals(Device.cpu(), Devices.assigned(DeviceType.CPU, gpu("0")));
    assertEquals(Device.cpu(), Devices.assigned(DeviceType.AUTO, Map.of()));
  }

  @Test
  void aMissingGpuIsAnErrorOnlyWhereOneWasAskedFor() {
    UserError none =
        assertThrows(UserError.class, () -> Devices.assigned(DeviceType.GPU, Map.of()));
    assertThat(none.getMessage()).contains("conf/spark-gpu.conf");
    assertThrows(UserError.class, () -> Devices.assigned(DeviceType.GPU, gpu()));
    UserError address =
        assertThrows(UserError.class, () -> Devices.assigned(DeviceType.AUTO, gpu("GPU-8a5c")));
    assertThat(address.getMessage()).contains("GPU-8a5c");
  }

  @Test
  void aGpuThatPyTorchDoesNotSee() {
    NativeEngine.load(1);
    UserError error = assertThrows(UserError.class, () -> Devices.usable(Device.gpu(9999)));
    assertTrue(
        error.getMessage().matches("Spark assigned GPU 9999, and PyTorch .* sees \\d+: .*"),
        error.getMessage());
    assertEquals(Device.cpu(), Devices.usable(Device.cpu()));
  }

  @Test
  void aRunThatAsksForAGpuEndsAtOnceWhereThereIsNone() {
    SparkSession spark = FinishedRun.spark();
    try {
      UserError error =
          assertThrows(UserError.class, () -> FinishedRun.of(spark, folder, "device=gpu"));
      assertThat(error.getMessage()).contains("assigns its tasks no GPU");
      assertTrue(Files.notExists(folder.resolve("trial-run/config.conf")));
      assertEquals(
          "tasks on the CPU, learner on the driver's CPU", describe(spark, Device.cpu(), "driver"));
      // A local master's tasks use the driver's.
      assertEquals(
          "tasks on GPUs, learner on the driver's GPU", describe(spark, Device.gpu(0), "driver"));
      assertEquals("tasks on GPUs, which also learn", describe(spark, Device.gpu(0), "executors"));
    } finally {
      spark.stop();
    }
  }

  private static String describe(SparkSession spark, Device ofDriver, String placement) {
    return Devices.describe(
        JavaSparkContext.fromSparkContext(spark.sparkContext()),
        ConfigReader.read("test", "", List.of("learner.placement=" + placement)),
        ofDriver);
  }

  @Test
  void aLocalMastersTasksUseTheDeviceThatTheDriverShares() throws IOException {
    try (SparkSession session = FinishedRun.spark()) {
      JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
      Devices.shareWithLocalTasks(Device.gpu(7));
      assertEquals(List.of("gpu(7)", "cpu()"), devicesOfATask(spark));
      // A question changes nothing.
      assertEquals(Device.cpu(), Devices.ofDriver(spark, DeviceType.AUTO));
      assertEquals(List.of("gpu(7)", "cpu()"), devicesOfATask(spark));
    } finally {
      Devices.shareWithLocalTasks(Device.cpu());
    }
  }

  /** Spark's local master would let them wait for ever. */
  @Test
  @Timeout(120)
  void aLocalMastersTasksAskForNoGpu() throws IOException {
    Map<String, String> settings =
        Map.of(
            "spark.master",
            "local[2]",
            "spark.ui.enabled",
            "false",
            "spark.executor.resource.gpu.amount",
            "1",
            "spark.task.resource.gpu.amount",
            "0.25",
            "spark.driver.resource.gpu.amount",
            "1",
            "spark.driver.resource.gpu.discoveryScript",
            discovery("\"0\"").toString());
    settings.forEach(System::setProperty);
    try (Job.Session session = Job.Session.open("devices")) {
      JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.spark().sparkContext());
      assertEquals(Map.of("gpu", "0"), addresses(spark));
      assertEquals(List.of("cpu()", "cpu()"), devicesOfATask(spark));
    } finally {
      settings.keySet().forEach(System::clearProperty);
    }
    try (SparkSession session =
        TinyTraining.spark(
            "local[2]",
            Map.of(
                "spark.executor.resource.gpu.amount",
                "1",
                "spark.task.resource.gpu.amount",
                "1"))) {
      UserError error =
          assertThrows(UserError.class, () -> FinishedRun.of(session, folder, "device=cpu"));
      assertThat(error.getMessage())
          .isEqualTo(
              "spark.task.resource.gpu.amount is set, and a local master gives its tasks no GPUs:"
                  + " leave it out (they use the driver's)");
    }
  }

  private static Map<String, String> addresses(JavaSparkContext spark) {
    Map<String, String> addresses = new TreeMap<>();
    spark.resources().forEach((name, of) -> addresses.put(name, String.join(",", of.addresses())));
    return addresses;
  }

  /** A script that finds GPUs; {@code addresses} as in JSON. */
  private Path discovery(String addresses) throws IOException {
    Path script =
        Files.writeString(
            folder.resolve("discovery.sh"),
            "#!/bin/bash\necho '{\"name\": \"gpu\", \"addresses\": [" + addresses + "]}'\n");
    assertTrue(script.toFile().setExecutable(true));
    return script;
  }

  /** With device = auto and device = cpu. */
  private static List<String> devicesOfATask(JavaSparkContext spark) {
    return spark
        .parallelize(List.of(DeviceType.AUTO, DeviceType.CPU), 1)
        .map(type -> Devices.assignedToTask(type).toString())
        .collect();
  }

  @Test
  void withoutATaskItIsTheCpu() {
    assertEquals(Device.cpu(), Devices.ofTask(DeviceType.AUTO));
  }

  @Test
  void executorsOfAClusterHaveTheirOwnAndTheirTasksShareIt() throws Exception {
    Path script = discovery("\"0\",\"1\"");
    Files.createDirectories(folder.resolve("home/jars"));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("--add-opens="))
        .forEach(command::add);
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            "-Dlog4j2.configurationFile=conf/log4j2.properties",
            DevicesInCluster.class.getName(),
            script.toString()));
    Path out = folder.resolve("out.txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile());
    builder.environment().put("SPARK_HOME", folder.resolve("home").toString());
    builder.environment().put("SPARK_SCALA_VERSION", "2.13");
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    Process process = builder.start();
    boolean ended = PythonVenv.ends(process, 120, TimeUnit.SECONDS);
    String text = Files.readString(out);
    assertTrue(ended && process.exitValue() == 0, text);
    assertThat(text).contains("driver cpu()");
    Map<String, Set<String>> devices = new TreeMap<>();
    text.lines()
        .filter(line -> line.startsWith("task "))
        .map(line -> line.split(" "))
        .forEach(words -> devices.computeIfAbsent(words[1], e -> new TreeSet<>()).add(words[2]));
    // Which executor got which is the worker's affair.
    assertEquals(2, devices.size(), text);
    assertEquals(Set.of(Set.of("gpu(0)"), Set.of("gpu(1)")), Set.copyOf(devices.values()), text);
  }

  /** Runs conf/gpu-discovery.sh with an nvidia-smi that prints and exits as told. */
  private String discover(String nvidiaSmi, int expectedCode, String... environment)
      throws Exception {
    Path bin = Files.createDirectories(folder.resolve("bin"));
    for (String tool : List.of("bash", "wc", "env")) {
      Path link = bin.resolve(tool);
      if (!Files.exists(link)) {
        Files.createSymbolicLink(link, Path.of("/usr/bin", tool));
      }
    }
    if (nvidiaSmi != null) {
      Path fake = Files.writeString(bin.resolve("nvidia-smi"), "#!/bin/bash\n" + nvidiaSmi + "\n");
      assertTrue(fake.toFile().setExecutable(true));
    }
    ProcessBuilder builder =
        new ProcessBuilder("/bin/bash", "conf/gpu-discovery.sh").redirectErrorStream(true);
    builder.environment().put("PATH", bin.toString());
    builder.environment().remove("CUDA_VISIBLE_DEVICES");
    for (String variable : environment) {
      String[] parts = variable.split("=", 2);
      builder.environment().put(parts[0], parts[1]);
    }
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes());
    assertTrue(process.waitFor(10, TimeUnit.SECONDS));
    assertEquals(expectedCode, process.exitValue(), out);
    return out.strip();
  }

  @Test
  void discoveryTellsSparkTheGpus() throws Exception {
    assertEquals(
        "{\"name\": \"gpu\", \"addresses\": [\"0\",\"1\"]}",
        discover(
            "[[ \"$*\" == '--query-gpu=index --format=csv,noheader' ]] && printf '0\\n1\\n'", 0));
    assertEquals(
        "{\"name\": \"gpu\", \"addresses\": [\"0\"]}",
        discover("printf '0\\n1\\n'", 0, "CUDA_VISIBLE_DEVICES=1"));
  }

  @Test
  void discoverySaysWhatIsMissing() throws Exception {
    assertThat(discover(null, 1)).contains("nvidia-smi was not found");
    assertThat(discover("echo 'No devices were found'", 1)).contains("No devices were found");
    assertThat(discover("echo 'Failed to initialize NVML'; exit 9", 1))
        .contains("nvidia-smi failed: Failed to initialize NVML");
    assertThat(discover("echo 0", 1, "CUDA_VISIBLE_DEVICES="))
        .contains("CUDA_VISIBLE_DEVICES hides");
  }
}
