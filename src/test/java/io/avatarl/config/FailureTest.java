package io.avatarl.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.Test;

class FailureTest {
  private static String of(Throwable e) {
    Failure failure =
        Failure.of(new IllegalStateException("Spark says", e), "over there", "--heap 9g").get();
    assertNull(failure.getCause());
    return failure.getMessage();
  }

  @Test
  void saysWhatWhereAndHowToMendIt() {
    assertEquals(
        "out of memory: Java heap space over there; give it more (--heap 9g), or make the model"
            + " or the step"
            + " smaller",
        of(new OutOfMemoryError("Java heap space")));
    assertEquals(
        "out of memory: CUDA out of memory. Tried over there; lower rollout.windowsPerUpdate,"
            + " evaluation.batch or the model's size",
        of(new IllegalStateException("CUDA out of memory. Tried\nat here")));
    assertEquals("a line", of(new UncheckedIOException("a line", new IOException("no line"))));
    assertEquals("a line", of(new Failure("a line")));
    assertEquals(
        "write: No space left on device", of(new IOException("write: No space left on device")));
  }

  @Test
  void sparkThatIsGone() {
    assertEquals(
        "Spark stopped before the command ended: its master could not be reached, or the"
            + " application was stopped from outside; the log says which",
        of(
            new IllegalStateException(
                "Cannot call methods on a stopped SparkContext.\nThis stopped SparkContext was"
                    + " created at:")));
  }

  @Test
  void moreResultsThanSparkTakes() {
    assertEquals(
        "Total size of serialized results of 8 tasks (4.0 GiB) is bigger than"
            + " spark.driver.maxResultSize"
            + " (1024.0 MiB); raise it (--conf spark.driver.maxResultSize=0 is no limit), or lower"
            + " rollout.shards",
        of(
            new Exception(
                "Job aborted due to stage failure: Total size of serialized results of 8 tasks"
                    + " (4.0 GiB)"
                    + " is bigger than spark.driver.maxResultSize (1024.0 MiB)\nDriver stacktrace:")));
  }

  @Test
  void executorsThatDie() {
    assertEquals(
        "executors died again and again, the last one was executor 5: Command exited with code"
            + " 137; its log says why. If it ran out of memory (exit codes 52 and 137), give"
            + " executors more (--executor-memory 4g,"
            + " spark.executor.memoryOverhead)",
        of(
            new Exception(
                "Job aborted due to stage failure: Task 1 in stage 2.0 failed 4 times, most"
                    + " recent failure:"
                    + " Lost task 1.3 in stage 2.0 (TID 17) (127.0.0.1 executor 5):"
                    + " ExecutorLostFailure"
                    + " (executor 5 exited caused by one of the running tasks) Reason: Command"
                    + " exited with"
                    + " code 137\nDriver stacktrace:")));
  }

  @Test
  void anExecutorWithoutDiskSpace() {
    assertEquals(
        "No space left on device: the local folder of executor 0 (10.0.0.7) is full; free some"
            + " space there, or choose another one (spark.local.dir)",
        of(
            new Exception(
                "Job aborted due to stage failure: Task 1 in stage 49.0 failed 4 times, most recent"
                    + " failure: Lost task 1.3 in stage 49.0 (TID 103) (10.0.0.7 executor 0):"
                    + " java.io.IOException: No space left on device\n"
                    + "\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)\n"
                    + "Driver stacktrace:")));
  }

  @Test
  void aBugIsNotForeseen() {
    assertFalse(Failure.of(new IllegalStateException("a bug"), "", "").isPresent());
  }
}
