package io.avatarl.bench;

import java.util.function.LongSupplier;

/** One thing that is measured: it can be run for a while, again and again. */
public interface Benchmark extends AutoCloseable {
  /** Runs for about so many seconds, at least once. */
  Measurement run(double seconds);

  @Override
  default void close() {}

  /**
   * A part that repeats one thing.
   *
   * @param once does it and returns the units (groups, tokens, …) it handled
   * @param closing frees what it holds
   */
  static Benchmark repeating(LongSupplier once, Runnable closing) {
    return new Benchmark() {
      @Override
      public Measurement run(double seconds) {
        Processes.Usage before = Processes.usage();
        long start = System.nanoTime();
        long units = 0;
        long times = 0;
        do {
          units += once.getAsLong();
          times++;
        } while (System.nanoTime() - start < seconds * 1e9);
        return Measurement.of(units, times, start, before);
      }

      @Override
      public void close() {
        closing.run();
      }
    };
  }
}
