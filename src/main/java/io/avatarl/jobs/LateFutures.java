package io.avatarl.jobs;

import java.io.PrintStream;
import java.util.concurrent.RejectedExecutionException;

/**
 * Standard error without one kind of trace. Where Spark ends while messages to its executors are
 * under way (the last executor has died, say), Scala's futures find their thread pool closed, and
 * their reporter prints a stack trace for each. The command itself has said by then what happened.
 */
final class LateFutures extends PrintStream {
  private boolean inTrace;

  private LateFutures(PrintStream err) {
    super(err, true);
  }

  /** From now on, for what is printed to {@code System.err}. */
  static void hide() {
    System.setErr(new LateFutures(System.err));
  }

  /**
   * {@link Throwable#printStackTrace} gives the exception to this method and then a line after the
   * other, while it holds the lock of the stream.
   */
  @Override
  public synchronized void println(Object line) {
    String text = String.valueOf(line);
    if (line instanceof Throwable e) {
      // Scala 2.13's words and 2.12's.
      inTrace =
          e instanceof RejectedExecutionException
              && (text.contains(": Task Future(") || text.contains(": Task scala.concurrent."));
    } else {
      inTrace &= text.startsWith("\tat ") || text.startsWith("\t... ");
    }
    if (!inTrace) {
      super.println(text);
    }
  }
}
