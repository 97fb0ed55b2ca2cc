package io.avatarl.tracking;

import java.io.IOException;

/** The server rejected a request permanently; a retry would not help. */
final class RefusedException extends IOException {
  RefusedException(String message) {
    super(message);
  }
}
