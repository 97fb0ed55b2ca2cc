package io.avatarl.spark.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.avatarl.config.Failure;
import io.avatarl.config.UserError;
import io.avatarl.train.TinyTraining;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Failures of tasks, where Spark tries each three times. */
class GuardedTaskTest {
  private static final int ATTEMPTS = 3;
  private static final AtomicInteger CALLS = new AtomicInteger();
  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark = TinyTraining.spark("local[2," + ATTEMPTS + "]", Map.of());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static GuardedTask.Result<Integer> run(Function<Integer, Integer> task) {
    CALLS.set(0);
    return JavaSparkContext.fromSparkContext(spark.sparkContext())
        .parallelize(List.of(7), 1)
        .map(new GuardedTask<>(task, GuardedTask.attempts(spark.sparkContext().conf())))
        .collect()
        .get(0);
  }

  @Test
  void aFailureThatPassesIsTriedAgain() {
    GuardedTask.Result<Integer> result =
        run(
            part -> {
              if (TaskContext.get().attemptNumber() + 1 < ATTEMPTS) {
                CALLS.incrementAndGet();
                throw new UncheckedIOException(new IOException("the network is down"));
              }
              return part + 1;
            });
    assertEquals(8, result.get());
    assertEquals(ATTEMPTS - 1, CALLS.get());
  }

  @Test
  void aFailureThatStaysIsAValueAtTheLastAttempt() {
    GuardedTask.Result<Integer> result =
        run(
            part -> {
              CALLS.incrementAndGet();
              throw new UncheckedIOException("the disk is full", new IOException());
            });
    assertEquals("the disk is full", assertThrows(Failure.class, result::get).getMessage());
    assertEquals(ATTEMPTS, CALLS.get());
  }

  /** Spark would end this JVM at the error itself. */
  @Test
  void memoryThatIsNotThereIsAskedForAgain() {
    GuardedTask.Result<Integer> result =
        run(
            part -> {
              CALLS.incrementAndGet();
              return new long[Integer.MAX_VALUE - 8].length;
            });
    String message = assertThrows(Failure.class, result::get).getMessage();
    assertThat(message).contains("Java heap space in a task on the driver");
    assertEquals(ATTEMPTS, CALLS.get());
  }

  @Test
  void aMistakeOfTheUsersIsAValueAtOnce() {
    GuardedTask.Result<Integer> result =
        run(
            part -> {
              CALLS.incrementAndGet();
              throw new IllegalStateException(new UserError("no such folder"));
            });
    assertEquals("no such folder", assertThrows(UserError.class, result::get).getMessage());
    assertEquals(1, CALLS.get());
  }

  @Test
  void aBugKeepsItsStackTrace() {
    Exception failure =
        assertThrows(
            SparkException.class,
            () ->
                run(
                    part -> {
                      CALLS.incrementAndGet();
                      throw new IllegalStateException("a bug");
                    }));
    assertThat(failure.getMessage()).contains("\tat ");
    assertEquals(ATTEMPTS, CALLS.get());
  }

  @ParameterizedTest
  @CsvSource({
    "local, 1",
    "'local[2]', 1",
    "'local[*]', 1",
    "'local[2,3]', 3",
    "'local[*, 5]', 5",
    "'local-cluster[2,1,1024]', 7",
    "yarn, 7",
    "spark://host:7077, 7"
  })
  void attemptsAreThoseThatSparkMakes(String master, int attempts) {
    SparkConf conf = new SparkConf(false).set("spark.task.maxFailures", "7").setMaster(master);
    assertEquals(attempts, GuardedTask.attempts(conf));
    conf.remove("spark.task.maxFailures");
    assertEquals(attempts == 7 ? 4 : attempts, GuardedTask.attempts(conf));
  }
}
