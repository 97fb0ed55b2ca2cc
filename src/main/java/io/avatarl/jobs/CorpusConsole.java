package io.avatarl.jobs;

import io.avatarl.spark.corpus.CorpusProgress;
import java.io.PrintStream;
import java.util.Locale;
import java.util.OptionalInt;

/** Shows the progress of tokenizing: a live line on a terminal, an occasional line elsewhere. */
final class CorpusConsole implements CorpusProgress, AutoCloseable {
  private static final double LINE_SECONDS = 10;
  private static final double LIVE_SECONDS = 0.25;

  private final PrintStream err;
  private final OptionalInt columns;
  private String phase = "";
  private long began;
  private long last;
  private int first;
  private boolean open;

  /**
   * @param columns of the terminal, if {@code err} is one
   */
  CorpusConsole(PrintStream err, OptionalInt columns) {
    this.err = err;
    this.columns = columns;
  }

  @Override
  public synchronized void at(String what, int done, int of) {
    long now = System.nanoTime();
    if (!what.equals(phase)) {
      close();
      phase = what;
      began = now;
      last = now;
      first = done;
    }
    double every = columns.isPresent() ? LIVE_SECONDS : LINE_SECONDS;
    boolean ended = done == of;
    if ((now - last) / 1e9 < every && !(ended && (open || (now - began) / 1e9 > every))) {
      return;
    }
    last = now;
    String left = "";
    if (done > first && !ended) {
      double seconds = (now - began) / 1e9 * (of - done) / (done - first);
      left = String.format(Locale.ROOT, ", %d:%02d left", (long) seconds / 60, (long) seconds % 60);
    }
    String line =
        Terminal.harmless(String.format(Locale.ROOT, "%s: %d of %d%s", what, done, of, left));
    if (columns.isPresent()) {
      int width = columns.getAsInt() - 1;
      String fitting = line.substring(0, Math.min(width, line.length()));
      err.print("\r" + fitting + " ".repeat(width - fitting.length()));
      err.flush();
      open = true;
    } else {
      err.println(line);
    }
  }

  @Override
  public synchronized void warned(String warning) {
    close();
    err.println(Terminal.harmless("WARNING: " + warning));
  }

  /** Ends the live line. */
  @Override
  public synchronized void close() {
    if (open) {
      err.println();
      open = false;
    }
  }
}
