package io.avatarl.bench;

import java.util.function.LongSupplier;

/** One thing to measure, which can be run repeatedly. */
public interface Benchmark extends AutoCloseable {
  /** Runs for about {@code seconds}, at least once. */
  Measurement run(double seconds);

  @Override
  default void close() {}

  /**
   * A benchmark that repeats one action.
   *
   * @param once does the action and returns the number of units (groups, tokens, …) it handled
   * @param closing frees its resources
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
