package io.avatarl.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import scala.concurrent.ExecutionContext;
import scala.concurrent.ExecutionContext$;
import scala.concurrent.Promise;
import scala.concurrent.Promise$;

class LateFuturesTest {
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private PrintStream before;

  @BeforeEach
  void replace() {
    before = System.err;
    System.setErr(new PrintStream(printed, true, StandardCharsets.UTF_8));
    LateFutures.hide();
  }

  @AfterEach
  void restore() {
    System.setErr(before);
  }

  private String printed() {
    return printed.toString(StandardCharsets.UTF_8);
  }

  /** A future whose thread pool has ended. */
  @Test
  void aFutureThatComesTooLatePrintsNothing() {
    ExecutorService pool = Executors.newSingleThreadExecutor();
    ExecutionContext context = ExecutionContext$.MODULE$.fromExecutor(pool);
    Promise<String> promise = Promise$.MODULE$.apply();
    promise.future().foreach(value -> value, context);
    pool.shutdown();
    System.err.println("before");
    promise.success("late");
    System.err.println("after");
    assertThat(printed()).isEqualTo("before\nafter\n");
  }

  @Test
  void otherTracesArePrintedWhole() {
    new IllegalStateException("outer", new RejectedExecutionException("inner")).printStackTrace();
    new RejectedExecutionException("another task").printStackTrace();
    assertThat(printed())
        .startsWith("java.lang.IllegalStateException: outer\n\tat ")
        .contains("Caused by: java.util.concurrent.RejectedExecutionException: inner\n\t")
        .contains("java.util.concurrent.RejectedExecutionException: another task\n\tat ");
  }
}
