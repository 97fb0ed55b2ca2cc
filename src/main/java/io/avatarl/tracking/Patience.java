package io.avatarl.tracking;

import java.time.Duration;

/**
 * Timeouts and pauses of a tracker.
 *
 * @param request timeout of one request
 * @param firstRetry pause between the first failure and the next attempt; doubles with each failure
 * @param lastRetry longest such pause
 * @param close time limit at the run's end for everything not yet delivered
 */
record Patience(Duration request, Duration firstRetry, Duration lastRetry, Duration close) {
  static final Patience USUAL =
      new Patience(
          Duration.ofSeconds(10),
          Duration.ofSeconds(1),
          Duration.ofSeconds(30),
          Duration.ofSeconds(20));

  /** The pause after another failed attempt. */
  Duration longerThan(Duration pause) {
    Duration doubled = pause.multipliedBy(2);
    return doubled.compareTo(lastRetry) < 0 ? doubled : lastRetry;
  }
}
