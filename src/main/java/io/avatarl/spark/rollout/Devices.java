package io.avatarl.spark.rollout;

import ai.djl.Device;
import ai.djl.engine.Engine;
import io.avatarl.config.DeviceType;
import io.avatarl.config.LearnerConfig.Placement;
import io.avatarl.config.TrainingConfig;
import io.avatarl.config.UserError;
import io.avatarl.model.NativeEngine;
import java.util.Map;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.resource.ResourceInformation;

/**
 * Which device computes. Spark assigns the GPUs: an executor's to its tasks ({@code
 * spark.task.resource.gpu.amount}, a fraction if several tasks share one), the driver's to the
 * driver ({@code spark.driver.resource.gpu.amount}). A local master assigns none to its tasks; they
 * use the driver's.
 */
public final class Devices {
  /** Spark's settings of what each task asks for. */
  public static final String TASK_RESOURCES = "spark.task.resource.";

  private static final String GPU = "gpu";
  private static final String GPUS_OF_A_TASK = TASK_RESOURCES + GPU + ".amount";

  private static final String HOW_TO_FIX =
      "; add --properties-file conf/spark-gpu.conf or set device = auto or cpu";

  private Devices() {}

  /**
   * The driver's own device, for the learner.
   *
   * @throws UserError if GPUs are required and tasks would get none, or if they would wait for ever
   *     for what a local master never offers
   */
  public static Device ofDriver(JavaSparkContext spark, DeviceType type) {
    if (spark.isLocal() && spark.getConf().getDouble(GPUS_OF_A_TASK, 0) > 0) {
      throw new UserError(
          GPUS_OF_A_TASK
              + " is set, and a local master gives its tasks no GPUs: leave it out (they use the"
              + " driver's)");
    }
    Device device =
        type == DeviceType.CPU ? Device.cpu() : assigned(DeviceType.AUTO, spark.resources());
    if (type == DeviceType.GPU && !tasksHave(spark, device)) {
      throw new UserError("device = gpu: Spark assigns its tasks no GPU" + HOW_TO_FIX);
    }
    return usable(device);
  }

  /**
   * Lets a local master's tasks use the driver's device. Those of a cluster have their executor's.
   */
  public static void shareWithLocalTasks(Device ofDriver) {
    ExecutorState.OF_THIS_JVM.driversDevice(ofDriver);
  }

  private static boolean tasksHave(JavaSparkContext spark, Device ofDriver) {
    return spark.isLocal() ? ofDriver.isGpu() : spark.getConf().contains(GPUS_OF_A_TASK);
  }

  /**
   * Describes where rollouts and gradients are computed.
   *
   * @param ofDriver the driver's device
   */
  public static String describe(JavaSparkContext spark, TrainingConfig config, Device ofDriver) {
    boolean gpu = config.device() != DeviceType.CPU && tasksHave(spark, ofDriver);
    String tasks = gpu ? "tasks on GPUs" : "tasks on the CPU";
    return config.learner().placement() == Placement.EXECUTORS
        ? tasks + ", which also learn"
        : tasks + ", learner on the driver's " + (ofDriver.isGpu() ? "GPU" : "CPU");
  }

  /** The device of the task that runs on this thread. */
  static Device ofTask(DeviceType type) {
    return usable(assignedToTask(type));
  }

  /** The task's device, without a check that it works. */
  static Device assignedToTask(DeviceType type) {
    TaskContext task = TaskContext.get();
    if (task == null || type == DeviceType.CPU) {
      return Device.cpu();
    }
    Map<String, ResourceInformation> resources = task.resourcesJMap();
    boolean local = SparkEnv.get().executorId().equals("driver");
    return local && !resources.containsKey(GPU)
        ? ExecutorState.OF_THIS_JVM.driversDevice()
        : assigned(type, resources);
  }

  /** The first address that Spark assigned. */
  static Device assigned(DeviceType type, Map<String, ResourceInformation> resources) {
    ResourceInformation gpu = resources.get(GPU);
    if (type == DeviceType.CPU || type == DeviceType.AUTO && gpu == null) {
      return Device.cpu();
    }
    if (gpu == null || gpu.addresses().length == 0) {
      throw new UserError("device = gpu: Spark assigned this task no GPU" + HOW_TO_FIX);
    }
    String address = gpu.addresses()[0];
    if (!address.matches("\\d{1,4}")) {
      throw new UserError(
          "Spark assigned GPU \""
              + address
              + "\"; a GPU's index is needed, as conf/gpu-discovery.sh gives it");
    }
    return Device.gpu(Integer.parseInt(address));
  }

  /** Fails if PyTorch does not see the device. */
  static Device usable(Device device) {
    if (device.isGpu() && device.getDeviceId() >= Engine.getInstance().getGpuCount()) {
      throw new UserError(
          "Spark assigned GPU "
              + device.getDeviceId()
              + ", and "
              + NativeEngine.describe()
              + " sees "
              + Engine.getInstance().getGpuCount()
              + ": PYTORCH_LIBRARY_PATH must name the torch/lib folder of a PyTorch for CUDA, and"
              + " the machine needs NVIDIA's driver; device = cpu leaves GPUs alone");
    }
    return device;
  }
}
