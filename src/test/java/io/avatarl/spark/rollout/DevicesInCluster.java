package io.avatarl.spark.rollout;

import io.avatarl.config.DeviceType;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * A cluster of one worker with two GPUs, as a script makes up, and two executors with one each;
 * prints what each task was assigned. Needs an environment of its own.
 */
final class DevicesInCluster {
  private static final int TASKS = 12;
  private static final int MILLIS = 200; // So that tasks lie on all slots.

  private DevicesInCluster() {}

  /**
   * @param arguments the discovery script
   */
  public static void main(String[] arguments) {
    SparkConf conf =
        new SparkConf()
            .setMaster("local-cluster[1,4,1024]")
            .setAppName("devices")
            .set("spark.ui.enabled", "false")
            .set("spark.executor.extraClassPath", System.getProperty("java.class.path"))
            .set("spark.executor.memory", "512m")
            .set("spark.executor.cores", "2")
            .set("spark.worker.resource.gpu.amount", "2")
            .set("spark.worker.resource.gpu.discoveryScript", arguments[0])
            .set("spark.executor.resource.gpu.amount", "1")
            .set("spark.task.resource.gpu.amount", "0.5");
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      DeviceType type = DeviceType.GPU;
      System.out.println("driver " + Devices.ofDriver(spark, type));
      List<Integer> numbers = IntStream.range(0, TASKS).boxed().toList();
      spark
          .parallelize(numbers, TASKS)
          .map(
              number -> {
                Thread.sleep(MILLIS);
                return SparkEnv.get().executorId() + " " + Devices.assignedToTask(type);
              })
          .collect()
          .forEach(line -> System.out.println("task " + line));
    }
  }
}
