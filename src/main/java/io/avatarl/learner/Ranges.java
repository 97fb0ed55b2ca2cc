package io.avatarl.learner;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;

/**
 * Elementwise passes over long arrays by several threads, each with a range of the array. No
 * element's result may depend on another's, so that the number of threads changes no bit.
 *
 * @param threads threads other than the caller's
 * @param count number of threads
 */
record Ranges(ExecutorService threads, int count) {
  /** Fewest elements for which another thread is worth its start, some 20 µs. */
  private static final int SHORTEST = 1 << 16;

  /** Runs everything on the caller's thread. */
  static Ranges inCaller() {
    return new Ranges(ForkJoinPool.commonPool(), 1);
  }

  /** Works on the elements [from, to). */
  interface Pass {
    void over(int from, int to);
  }

  /** Covers [0, length). */
  void run(int length, Pass pass) {
    int parts = Math.max(1, Math.min(count, length / SHORTEST));
    List<Future<?>> running = new ArrayList<>();
    for (int i = 1; i < parts; i++) {
      int from = (int) ((long) length * i / parts);
      int to = (int) ((long) length * (i + 1) / parts);
      running.add(threads.submit(() -> pass.over(from, to)));
    }
    pass.over(0, length / parts);
    running.forEach(Learner::get);
  }
}
