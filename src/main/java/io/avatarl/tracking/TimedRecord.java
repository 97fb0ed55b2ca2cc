package io.avatarl.tracking;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A record of a run, such as one line of {@code RUN/metrics/}.
 *
 * @param milliseconds when it was made, since 1970
 */
record TimedRecord(ObjectNode fields, long milliseconds) {
  static TimedRecord now(ObjectNode fields) {
    return new TimedRecord(fields, System.currentTimeMillis());
  }
}
