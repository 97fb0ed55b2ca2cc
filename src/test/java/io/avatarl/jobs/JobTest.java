package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Command;

/** What cluster managers and platforms expect of a main class. */
class JobTest {
  @Command(name = "nothing", mixinStandardHelpOptions = true)
  private static final class Nothing implements Callable<Integer> {
    private boolean called;

    @Override
    public Integer call() {
      called = true;
      return 0;
    }
  }

  /** If it ended the JVM, there would be no result of this test. */
  @Test
  void mainReturnsFromSuccess() {
    Nothing nothing = new Nothing();
    Job.main(nothing, new String[0]);
    assertTrue(nothing.called);
  }

  /** Such as a platform makes before it calls main, with its own settings. */
  @Test
  void aContextThatRunsAlreadyIsUsedAndLeftAlone() {
    try (JavaSparkContext platform =
        new JavaSparkContext(
            new SparkConf()
                .setMaster("local[1]")
                .setAppName("platform")
                .set("spark.ui.enabled", "false")
                .set("spark.driver.host", "127.0.0.1")
                .set("spark.driver.bindAddress", "127.0.0.1")
                .set("spark.hadoop.avatarl.test", "its own"))) {
      SparkContext context = platform.sc();
      try (Job.Session session = Job.Session.open("ours")) {
        assertSame(context, session.spark().sparkContext());
      }
      assertFalse(context.isStopped());
      assertEquals("platform", context.appName());
      assertEquals("its own", context.hadoopConfiguration().get("avatarl.test"));
    }
  }

  @Test
  void settingsThatSparkCannotStartWithAreOneLine() {
    System.setProperty("spark.master", "local[1]");
    System.setProperty("spark.testing.memory", "1000");
    try {
      CommandResult.of((out, err) -> new Starts(), new String[0])
          .refuses("Spark does not start", "1000 must be at least", "--driver-memory");
    } finally {
      System.clearProperty("spark.master");
      System.clearProperty("spark.testing.memory");
    }
  }

  @Command(name = "starts", mixinStandardHelpOptions = true)
  private static final class Starts implements Callable<Integer> {
    @Override
    public Integer call() {
      Job.Session.open("never").close();
      return 0;
    }
  }

  @Test
  void sparkConnectIsRecognisedInEachOfItsWays() {
    SparkConf none = new SparkConf(false);
    assertFalse(Job.Session.isConnect(none, Map.of()));
    assertFalse(Job.Session.isConnect(none.clone().set("spark.api.mode", "classic"), Map.of()));
    assertTrue(Job.Session.isConnect(none.clone().set("spark.api.mode", "connect"), Map.of()));
    assertTrue(Job.Session.isConnect(none.clone().set("spark.remote", "sc://host"), Map.of()));
    assertTrue(Job.Session.isConnect(none, Map.of("SPARK_REMOTE", "sc://host")));
  }
}
