package io.avatarl.tracking;

import java.io.IOException;

/** The server refused a request, and trying again would not change that. */
final class RefusedException extends IOException {
  RefusedException(String message) {
    super(message);
  }
}
