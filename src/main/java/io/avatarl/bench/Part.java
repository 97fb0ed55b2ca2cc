package io.avatarl.bench;

import java.util.function.LongSupplier;

/** One thing that is measured: it can be run for a while, again and again. */
public interface Part extends AutoCloseable {
  /** Runs for about so many seconds, at least once. */
  Lap run(double seconds);

  @Override
  default void close() {}

  /**
   * A part that repeats one thing.
   *
   * @param once does it and returns the units (groups, tokens, …) it handled
   * @param closing frees what it holds
   */
  static Part repeating(LongSupplier once, Runnable closing) {
    return new Part() {
      @Override
      public Lap run(double seconds) {
        Processes.Usage before = Processes.usage();
        long start = System.nanoTime();
        long units = 0;
        long times = 0;
        do {
          units += once.getAsLong();
          times++;
        } while (System.nanoTime() - start < seconds * 1e9);
        return Lap.of(units, times, start, before);
      }

      @Override
      public void close() {
        closing.run();
      }
    };
  }
}
