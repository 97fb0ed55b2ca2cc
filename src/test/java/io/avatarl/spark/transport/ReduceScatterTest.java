package io.avatarl.spark.transport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.UserError;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The shuffle itself works under a local master, too, where nothing else takes it. */
class ReduceScatterTest {
  @TempDir static Path folder;
  private static SparkSession spark;
  private static JavaSparkContext context;

  @BeforeAll
  static void start() {
    spark = TinyTraining.spark("local[2,2]", Map.of("spark.local.dir", folder.toString()));
    context = JavaSparkContext.fromSparkContext(spark.sparkContext());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static float[] numbers(int task, int length) {
    Random random = new Random(task);
    float[] numbers = new float[length];
    for (int i = 0; i < length; i++) {
      // Of many sizes, so that another order gives another sum.
      numbers[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(7)));
    }
    return numbers;
  }

  private static <T> Summed<T> sum(Function<Integer, Summand<T>> task, int tasks) {
    return ReduceScatter.run(
        context, ShardFunction.numbers(context, tasks).rdd(), new GuardedTask<>(task, 2));
  }

  @ParameterizedTest
  @CsvSource({"2, 1000", "7, 10001", "32, 40000", "3, 60001", "5, 3", "1, 8"})
  void theSumIsThatInTaskOrderAndComesBackOnce(int tasks, int length) throws Exception {
    AtomicLong moved = new AtomicLong();
    SparkListener listener =
        new SparkListener() {
          @Override
          public void onTaskEnd(SparkListenerTaskEnd end) {
            moved.addAndGet(end.taskMetrics().resultSize());
          }
        };
    spark.sparkContext().addSparkListener(listener);
    Summed<String> summed =
        sum(task -> new Summand<>(numbers(task, length), "task " + task), tasks);
    spark.sparkContext().listenerBus().waitUntilEmpty();
    spark.sparkContext().removeSparkListener(listener);
    float[] expected = new float[length];
    for (int task = 0; task < tasks; task++) {
      float[] numbers = numbers(task, length);
      for (int i = 0; i < length; i++) {
        expected[i] = task == 0 ? numbers[i] : expected[i] + numbers[i];
      }
    }
    assertEquals(1, summed.parts().size());
    assertArrayEquals(expected, summed.parts().get(0));
    assertEquals(
        IntStream.range(0, tasks).mapToObj(task -> "task " + task).toList(), summed.rest());
    assertTrue(moved.get() < 4L * length + 2L * tasks * 3000, moved + " bytes");
  }

  @Test
  void failuresOfTasksAreThoseOfTheJob() {
    UserError mistake =
        assertThrows(
            UserError.class,
            () ->
                sum(
                    task -> {
                      if (task == 1) {
                        throw new UserError("this was wrong");
                      }
                      return new Summand<>(new float[100], "");
                    },
                    3));
    assertEquals("this was wrong", mistake.getMessage());
    assertThrows(
        SparkException.class,
        () ->
            sum(
                task -> {
                  throw new IllegalStateException("a bug");
                },
                3));
  }

  @Test
  void theFilesOfAShuffleGoWithIt() throws Exception {
    for (int round = 0; round < 40; round++) {
      sum(task -> new Summand<>(new float[50_000], ""), 4);
    }
    long deadline = System.nanoTime() + 20_000_000_000L;
    List<Path> left = shuffleFiles();
    while (!left.isEmpty() && System.nanoTime() < deadline) {
      Thread.sleep(50);
      left = shuffleFiles();
    }
    assertEquals(List.of(), left);
  }

  private static List<Path> shuffleFiles() throws IOException {
    try (var files = Files.walk(folder)) {
      return files.filter(file -> file.getFileName().toString().startsWith("shuffle_")).toList();
    }
  }
}
