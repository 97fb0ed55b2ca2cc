package io.avatarl.corpus;

import io.avatarl.config.UserError;

/** A text holds a character that a vocabulary has not. */
public final class UnknownCharacter extends UserError {
  private static final long serialVersionUID = 1;

  UnknownCharacter(String message) {
    super(message);
  }
}
