package io.avatarl.tracking;

import java.time.Duration;

/**
 * How patient a tracker is.
 *
 * @param request for an answer
 * @param firstRetry between the first failure and the next attempt; doubles with each failure
 * @param lastRetry longest such pause
 * @param close at the run's end, for all that is not delivered yet
 */
record Patience(Duration request, Duration firstRetry, Duration lastRetry, Duration close) {
  static final Patience USUAL =
      new Patience(
          Duration.ofSeconds(10),
          Duration.ofSeconds(1),
          Duration.ofSeconds(30),
          Duration.ofSeconds(20));

  /** The pause after one that was in vain. */
  Duration longerThan(Duration pause) {
    Duration doubled = pause.multipliedBy(2);
    return doubled.compareTo(lastRetry) < 0 ? doubled : lastRetry;
  }
}
