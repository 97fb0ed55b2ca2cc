package io.avatarl.config;

import java.util.Optional;

/**
 * The user's input was wrong. The message is one line: what is wrong, where, and how to fix it.
 * Every command prints it without a stack trace and exits with code 2.
 */
public class UserError extends RuntimeException {
  public UserError(String message) {
    super(message);
  }

  public UserError(String message, Throwable cause) {
    super(message, cause);
  }

  /** The first user error among a throwable and its causes. */
  public static Optional<UserError> in(Throwable e) {
    for (Throwable t = e; t != null; t = t.getCause()) {
      if (t instanceof UserError error) {
        return Optional.of(error);
      }
    }
    return Optional.empty();
  }
}
